package io.github.mlx4j.port;

import java.util.concurrent.CompletableFuture;

/**
 * Text from a language model, in four forms: wait for it, be told in the future, iterate, or listen. All four can be
 * cancelled at any time, also before the first token.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s in every form. To write a port of your own, extend
 * {@link AbstractTextGenerationPort}.
 */
public interface TextGenerationPort {

    /**
     * Waits for the whole answer. An interrupt cancels the request and throws
     * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
     */
    GenerationResult generate(GenerationRequest request);

    /** Waits for the whole answer to one user message, with every default. */
    default GenerationResult generate(String userMessage) {
        return generate(GenerationRequest.chat(userMessage));
    }

    /** The whole answer later. Cancelling the future cancels the request. */
    CompletableFuture<GenerationResult> generateAsync(GenerationRequest request);

    /** The answer as it comes. Returns at once, also when the model has yet to be loaded. */
    GenerationStream stream(GenerationRequest request);

    /** The answer as it comes, told to a listener. Returns at once, with the means to cancel. */
    Cancellation stream(GenerationRequest request, GenerationListener listener);
}
