package io.github.mlx4j.port;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Parameter;
import java.util.List;

/** Details of a model, and its logits and probabilities for given texts, for comparing models. Thread-safe. */
public interface ModelAnalysisPort {

    /**
     * The details of the loaded model; loads it first if necessary.
     *
     * @throws Mlx4jException if the model can't be loaded
     */
    ModelDetails details();

    /**
     * The logits for the next token at each position of a text.
     *
     * @param tokens token ids, used as is, 1 to 4096
     * @return one array per position, with a logit for each token of the vocabulary
     * @throws InvalidRequestException if there are no tokens, too many, or ids outside the vocabulary
     * @throws ContextOverflowException if there are more tokens than the context holds
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    List<float[]> logits(List<Integer> tokens);

    /**
     * The log probabilities of a completion of a prompt.
     *
     * @param prompt only its prompt, tools and thinking are used
     * @param completion the text after the prompt, not empty; no special tokens are added
     * @throws InvalidRequestException if the completion is empty or the model does not support the prompt
     * @throws ContextOverflowException if prompt and completion together exceed the context
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    Score score(GenerationRequest prompt, String completion);

    /**
     * The model's parameters, with the engine's names for them, including those of adapters and an action head.
     *
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    List<Parameter> parameters();
}
