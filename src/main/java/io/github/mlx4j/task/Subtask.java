package io.github.mlx4j.task;

import java.time.LocalDate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a task.
 *
 * @param id the task's id, a dot, and the subtask's number, starting at 1
 * @param parentTaskId the task's id
 * @param title what is to be done, in one line of at most 100 characters
 * @param assignee the task's assignee
 * @param dueDate the task's due date
 * @param dependsOn the ids of the subtasks that must be done before it
 */
public record Subtask(
        String id,
        String parentTaskId,
        String title,
        @Nullable String assignee,
        @Nullable LocalDate dueDate,
        List<String> dependsOn) {

    /** Copies the list of ids. */
    public Subtask {
        dependsOn = List.copyOf(dependsOn);
    }
}
