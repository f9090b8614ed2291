package io.github.mlx4j.port;

import io.github.mlx4j.generation.GenerationRequest;
import java.util.List;

/**
 * A model's own tokens, without generating any. What a request would be given is counted as {@link TextGenerationPort}
 * would take it: messages with the chat template, tools and thinking; raw text with the special tokens that the
 * tokenizer adds by itself, such as one for the beginning.
 *
 * <p>Every method waits for the model, which is loaded first if need be, but for token ids, which need no model.
 * Thread-safe: one port serves any number of callers at once. Errors are {@link io.github.mlx4j.error.Mlx4jException}s.
 * An interrupt cancels a call, which then throws {@link io.github.mlx4j.error.CancelledException}; the thread's
 * interrupt flag stays set.
 */
public interface TokenizerPort {

    /** The token ids of a request's prompt. */
    List<Integer> tokenize(GenerationRequest request);

    /** The token ids of raw text. */
    default List<Integer> tokenize(String text) {
        return tokenize(GenerationRequest.raw(text));
    }

    /** How many tokens a request's prompt takes. */
    int countTokens(GenerationRequest request);

    /** How many tokens raw text takes. */
    default int countTokens(String text) {
        return countTokens(GenerationRequest.raw(text));
    }

    /**
     * The text that the model's chat template makes of a request's messages.
     *
     * @throws io.github.mlx4j.error.InvalidRequestException if the request has none
     */
    String applyTemplate(GenerationRequest request);
}
