package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import java.util.List;

/**
 * Makes up questions that show whether somebody, or another model, has understood a task.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface ComprehensionTestPort {

    /**
     * Waits for 3 to 5 questions about a task, with their answers.
     *
     * @throws InvalidRequestException if the task's title is blank
     * @throws ContextOverflowException if the task is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, the second time too; it has the answer's
     *     text
     */
    List<ComprehensionQuestion> questions(Task task);
}
