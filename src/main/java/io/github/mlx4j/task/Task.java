package io.github.mlx4j.task;

import java.time.LocalDate;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Something to be done.
 *
 * @param id identifies the task
 * @param title what is to be done, in one line; not blank
 * @param description more details; empty if there are none
 * @param assignee who is to do it; {@code null} if nobody is assigned
 * @param dueDate when it is due; {@code null} if there is no due date
 */
public record Task(
        String id,
        String title,
        String description,
        @Nullable String assignee,
        @Nullable LocalDate dueDate) {

    /** Creates a task with a title and a random id. */
    public Task(String title) {
        this(title, "");
    }

    /** Creates a task with a title, a description and a random id. */
    public Task(String title, String description) {
        this(UUID.randomUUID().toString(), title, description, null, null);
    }
}
