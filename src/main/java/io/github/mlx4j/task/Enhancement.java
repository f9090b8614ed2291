package io.github.mlx4j.task;

import java.time.Instant;
import java.util.List;

/**
 * A clearer version of a task.
 *
 * @param enhancementId identifies the enhancement; random
 * @param taskId the task's id
 * @param timestamp when it was created
 * @param enhancementType {@link #CLARIFY}
 * @param content a clearer description of what is to be done
 * @param acceptanceCriteria 1 to 6 criteria that show whether the task is done
 */
public record Enhancement(
        String enhancementId,
        String taskId,
        Instant timestamp,
        String enhancementType,
        String content,
        List<String> acceptanceCriteria) {

    /** Currently the only type. */
    public static final String CLARIFY = "clarify";

    /** Copies the list of criteria. */
    public Enhancement {
        acceptanceCriteria = List.copyOf(acceptanceCriteria);
    }
}
