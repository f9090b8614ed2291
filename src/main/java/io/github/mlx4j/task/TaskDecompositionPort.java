package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import java.util.List;

/**
 * Splits tasks into subtasks.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface TaskDecompositionPort {

    /**
     * Splits a task into 3 to 5 subtasks, and waits for them. Each subtask comes after those it depends on, and has the
     * task's assignee and due date.
     *
     * @throws InvalidRequestException if the task's title is blank
     * @throws ContextOverflowException if the task is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, even after a correction; the exception
     *     contains the answer's text
     */
    List<Subtask> decompose(Task task);
}
