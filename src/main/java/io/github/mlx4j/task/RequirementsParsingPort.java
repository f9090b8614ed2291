package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import java.util.List;

/**
 * Finds the tasks in a requirements document.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface RequirementsParsingPort {

    /**
     * Waits for the tasks that a document asks for, in its order, at most 30; none if it asks for none. They have new
     * ids, and an assignee and a due date where the document names them.
     *
     * @throws InvalidRequestException if the document is blank
     * @throws ContextOverflowException if the document is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, the second time too; it has the answer's
     *     text
     */
    List<Task> parse(String document);
}
