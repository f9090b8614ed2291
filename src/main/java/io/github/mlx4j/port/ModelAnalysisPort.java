package io.github.mlx4j.port;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Parameter;
import java.util.List;

/** What a model is, and what it thinks of a given text: for comparing models. Thread-safe. */
public interface ModelAnalysisPort {

    /**
     * What was loaded; loads it first where that has not happened yet.
     *
     * @throws Mlx4jException if it can't be loaded
     */
    ModelDetails details();

    /**
     * The logits of the token that comes next, at each place of a text.
     *
     * @param tokens token ids, taken as they are, 1 to 4096
     * @return for each of the tokens, a logit for each token of the vocabulary
     * @throws InvalidRequestException if there are none, too many, or some that the model does not know
     * @throws ContextOverflowException if there are more than its context holds
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    List<float[]> logits(List<Integer> tokens);

    /**
     * How probable a completion of a prompt is.
     *
     * @param prompt of it only the prompt, the tools and the thinking count
     * @param completion what follows the prompt, not empty; gets no special tokens
     * @throws InvalidRequestException if the completion is empty or the model can't take the prompt
     * @throws ContextOverflowException if prompt and completion together are longer than its context
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    Score score(GenerationRequest prompt, String completion);

    /**
     * The model's parameters by the names that its engine gives them, those of adapters and of an action head included.
     *
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    List<Parameter> parameters();
}
