package io.github.mlx4j.task;

import java.time.LocalDate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a task.
 *
 * @param id the task's id, a dot and the part's place, from 1 on
 * @param parentTaskId the task's id
 * @param title what is to be done, in a line of at most 100 characters
 * @param assignee the task's
 * @param dueDate the task's
 * @param dependsOn the ids of the parts that must be done before it
 */
public record Subtask(
        String id,
        String parentTaskId,
        String title,
        @Nullable String assignee,
        @Nullable LocalDate dueDate,
        List<String> dependsOn) {

    /** Takes an immutable copy. */
    public Subtask {
        dependsOn = List.copyOf(dependsOn);
    }
}
