package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import java.util.List;

/**
 * Generates questions that test whether a person, or another model, has understood a task.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface ComprehensionTestPort {

    /**
     * Generates 3 to 5 questions about a task, with their answers, and waits for them.
     *
     * @throws InvalidRequestException if the task's title is blank
     * @throws ContextOverflowException if the task is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, even after a correction; the exception
     *     contains the answer's text
     */
    List<ComprehensionQuestion> questions(Task task);
}
