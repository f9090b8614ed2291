package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;

/**
 * Rewrites tasks more clearly.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface TaskEnhancementPort {

    /**
     * Rewrites a task more clearly, adds acceptance criteria, and waits for the result.
     *
     * @throws InvalidRequestException if the task's title is blank
     * @throws ContextOverflowException if the task is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, even after a correction; the exception
     *     contains the answer's text
     */
    Enhancement enhance(Task task);
}
