package io.github.mlx4j.port;

import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Generates text with a language model. You can wait for the answer, get a future, iterate over a stream, or pass a
 * listener. Each can be cancelled at any time, even before the first token.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s in all cases. To implement your own port, extend
 * {@link AbstractTextGenerationPort}.
 */
public interface TextGenerationPort {

    /**
     * The configured name of the model: a folder, a hub id or a server's name for it. With several providers, the model
     * of the first one. Empty if the port has no name for it. Does not load the model.
     */
    default Optional<String> modelName() {
        return Optional.empty();
    }

    /**
     * Waits for the whole answer. An interrupt cancels the request and throws
     * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
     */
    GenerationResult generate(GenerationRequest request);

    /** Waits for the whole answer to one user message, with default options. */
    default GenerationResult generate(String userMessage) {
        return generate(GenerationRequest.chat(userMessage));
    }

    /**
     * Waits for an answer as a record, with default options: {@code llm.generate("A pancake recipe", Recipe.class)}.
     * See {@link #generate(GenerationRequest, Class)}.
     */
    default <T> T generate(String userMessage, Class<T> type) {
        return generate(GenerationRequest.chat(userMessage), type);
    }

    /**
     * Waits for an answer as a record; {@link AnswerType} describes the supported records. The record's JSON schema is
     * appended to the last user message and is the response format, so the answer always matches it.
     *
     * @param request a request without a response format
     * @throws io.github.mlx4j.error.InvalidRequestException if the type is not supported; nothing is sent, and the
     *     message names the unsupported part
     * @throws io.github.mlx4j.error.UnreadableAnswerException if the answer was cut off, does not match the schema, or
     *     the record's constructor throws
     */
    default <T> T generate(GenerationRequest request, Class<T> type) {
        AnswerType<T> answer = AnswerType.of(type);
        return answer.read(generate(answer.asked(request)));
    }

    /**
     * The asynchronous form of {@link #generate(GenerationRequest, Class)}. If the future ends before the answer is
     * complete (cancelled, timed out or completed elsewhere), the request is cancelled.
     */
    default <T> CompletableFuture<T> generateAsync(GenerationRequest request, Class<T> type) {
        CompletableFuture<T> future = new CompletableFuture<>();
        try {
            AnswerType<T> answer = AnswerType.of(type);
            CompletableFuture<GenerationResult> running = generateAsync(answer.asked(request));
            future.whenComplete((value, error) -> {
                running.cancel(true); // no effect if the answer is complete
            });
            running.whenComplete((result, error) -> {
                try {
                    if (error == null) {
                        future.complete(answer.read(result));
                    } else {
                        future.completeExceptionally(error);
                    }
                } catch (Throwable unreadable) { // a record's constructor may throw anything
                    future.completeExceptionally(unreadable);
                }
            });
        } catch (Mlx4jException refused) {
            future.completeExceptionally(refused);
        }
        return future;
    }

    /**
     * Returns a future of the whole answer. If the future ends before the answer is complete (cancelled, timed out or
     * completed elsewhere), the request is cancelled.
     */
    CompletableFuture<GenerationResult> generateAsync(GenerationRequest request);

    /** Streams the answer. Returns immediately, even if the model is not loaded yet. */
    GenerationStream stream(GenerationRequest request);

    /** Streams the answer to a listener. Returns immediately, with a handle to cancel the request. */
    Cancellation stream(GenerationRequest request, GenerationListener listener);
}
