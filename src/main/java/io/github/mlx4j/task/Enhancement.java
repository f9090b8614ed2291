package io.github.mlx4j.task;

import java.time.Instant;
import java.util.List;

/**
 * A task made clearer.
 *
 * @param enhancementId tells it from others; random
 * @param taskId the task's id
 * @param timestamp when it was made
 * @param enhancementType {@link #CLARIFY}
 * @param content what is to be done, in clearer words
 * @param acceptanceCriteria by what one sees that the task is done; 1 to 6
 */
public record Enhancement(
        String enhancementId,
        String taskId,
        Instant timestamp,
        String enhancementType,
        String content,
        List<String> acceptanceCriteria) {

    /** The one type so far. */
    public static final String CLARIFY = "clarify";

    /** Takes an immutable copy. */
    public Enhancement {
        acceptanceCriteria = List.copyOf(acceptanceCriteria);
    }
}
