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
 * Text from a language model, in four forms: wait for it, be told in the future, iterate, or listen. All four can be
 * cancelled at any time, also before the first token.
 *
 * <p>Thread-safe: one port serves any number of callers at once. Errors are
 * {@link io.github.mlx4j.error.Mlx4jException}s in every form. To write a port of your own, extend
 * {@link AbstractTextGenerationPort}.
 */
public interface TextGenerationPort {

    /**
     * The model that requests are for, as it was named: a folder, a hub id or a server's name for it. With several
     * providers it is that of the first. Empty where the port has no name for it; loads nothing.
     */
    default Optional<String> modelName() {
        return Optional.empty();
    }

    /**
     * Waits for the whole answer. An interrupt cancels the request and throws
     * {@link io.github.mlx4j.error.CancelledException}; the thread's interrupt flag stays set.
     */
    GenerationResult generate(GenerationRequest request);

    /** Waits for the whole answer to one user message, with every default. */
    default GenerationResult generate(String userMessage) {
        return generate(GenerationRequest.chat(userMessage));
    }

    /**
     * Waits for an answer that is a record, with every default: {@code llm.generate("A pancake recipe", Recipe.class)}.
     * See {@link #generate(GenerationRequest, Class)}.
     */
    default <T> T generate(String userMessage, Class<T> type) {
        return generate(GenerationRequest.chat(userMessage), type);
    }

    /**
     * Waits for an answer that is a record; {@link AnswerType} says which records can be. The record's JSON schema is
     * told to the model at the end of the last user message, and is the response format, so that no other answer can
     * come.
     *
     * @param request without a response format
     * @throws io.github.mlx4j.error.InvalidRequestException before anything is sent, if the type can't be an answer's;
     *     the message names what of it can't
     * @throws io.github.mlx4j.error.UnreadableAnswerException if the answer was cut before its end, is not JSON of the
     *     schema, or the record's constructor throws
     */
    default <T> T generate(GenerationRequest request, Class<T> type) {
        AnswerType<T> answer = AnswerType.of(type);
        return answer.read(generate(answer.asked(request)));
    }

    /**
     * {@link #generate(GenerationRequest, Class)} later. However the future ends before the answer is whole (cancel,
     * timeout, completed by somebody else), the request is cancelled.
     */
    default <T> CompletableFuture<T> generateAsync(GenerationRequest request, Class<T> type) {
        CompletableFuture<T> future = new CompletableFuture<>();
        try {
            AnswerType<T> answer = AnswerType.of(type);
            CompletableFuture<GenerationResult> running = generateAsync(answer.asked(request));
            future.whenComplete((value, error) -> {
                running.cancel(true); // of no effect where the answer is whole
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
     * The whole answer later. However the future ends before that (cancel, timeout, completed by somebody else), the
     * request is cancelled.
     */
    CompletableFuture<GenerationResult> generateAsync(GenerationRequest request);

    /** The answer as it comes. Returns at once, also when the model has yet to be loaded. */
    GenerationStream stream(GenerationRequest request);

    /** The answer as it comes, told to a listener. Returns at once, with the means to cancel. */
    Cancellation stream(GenerationRequest request, GenerationListener listener);
}
