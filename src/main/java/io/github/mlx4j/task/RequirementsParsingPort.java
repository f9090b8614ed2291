package io.github.mlx4j.task;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import java.util.List;

/**
 * Extracts the tasks from a requirements document.
 *
 * <p>Thread-safe. An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the
 * thread's interrupt flag stays set.
 */
@FunctionalInterface
public interface RequirementsParsingPort {

    /**
     * Extracts the tasks that a document requires, and waits for them. The result has at most 30 tasks in the order of
     * the document, and is empty if the document requires nothing. The tasks have new ids, and an assignee and a due
     * date if the document names them.
     *
     * @throws InvalidRequestException if the document is blank
     * @throws ContextOverflowException if the document is too long for the model
     * @throws UnreadableAnswerException if the model's answer can't be used, even after a correction; the exception
     *     contains the answer's text
     */
    List<Task> parse(String document);
}
