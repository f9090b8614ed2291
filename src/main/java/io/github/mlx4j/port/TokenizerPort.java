package io.github.mlx4j.port;

import io.github.mlx4j.generation.GenerationRequest;
import java.util.List;

/**
 * Tokenizes with a model's tokenizer. Requests are tokenized as {@link TextGenerationPort} would: messages with the
 * chat template, tools and thinking; raw text with the special tokens that the tokenizer adds, such as the
 * beginning-of-sequence token.
 *
 * <p>Every method waits for the model and loads it first if necessary, except for prompts of token ids, which need no
 * model. Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s. An interrupt cancels a call, which then throws
 * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
 */
public interface TokenizerPort {

    /** The token ids of a request's prompt. */
    List<Integer> tokenize(GenerationRequest request);

    /** The token ids of raw text. */
    default List<Integer> tokenize(String text) {
        return tokenize(GenerationRequest.raw(text));
    }

    /** The number of tokens in a request's prompt. */
    int countTokens(GenerationRequest request);

    /** The number of tokens in raw text. */
    default int countTokens(String text) {
        return countTokens(GenerationRequest.raw(text));
    }

    /**
     * A request's messages, formatted with the model's chat template.
     *
     * @throws io.github.mlx4j.error.InvalidRequestException if the request has no messages
     */
    String applyTemplate(GenerationRequest request);
}
