package io.github.mlx4j.task;

import java.time.LocalDate;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Something that is to be done.
 *
 * @param id tells it from other tasks
 * @param title what is to be done, in a line; not blank
 * @param description more of it; empty if there is no more
 * @param assignee who is to do it; {@code null} is nobody yet
 * @param dueDate until when; {@code null} is at any time
 */
public record Task(
        String id,
        String title,
        String description,
        @Nullable String assignee,
        @Nullable LocalDate dueDate) {

    /** A task of a title, with a random id. */
    public Task(String title) {
        this(title, "");
    }

    /** A task of a title and a description, with a random id. */
    public Task(String title, String description) {
        this(UUID.randomUUID().toString(), title, description, null, null);
    }
}
