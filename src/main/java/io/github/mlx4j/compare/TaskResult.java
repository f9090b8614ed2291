package io.github.mlx4j.compare;

import org.jspecify.annotations.Nullable;

/**
 * What one model made of one task.
 *
 * @param arm the model
 * @param task the task's id
 * @param answer its answer, the likeliest token each time; {@code null} if it could not take the task
 * @param passed whether the answer is right; {@code null} if it is not judged
 * @param failure why the answer's code fails its test; {@code null} if it passes, or is no code
 * @param cut whether the answer was cut by the most tokens or the model's context
 * @param tokens how many tokens it generated
 * @param seconds from when the engine took the request up to the last token
 * @param firstTokenSeconds from the request's arrival at the engine to the first token
 * @param tokensPerSecond from the first token on; {@code null} if there is only one
 * @param logProb the log-probability of the expected text; {@code null} if it was not asked for
 * @param scoredTokens how many tokens the expected text has; {@code null} if it was not asked for
 * @param error why the model could not take the task or the expected text; {@code null} if it could
 */
public record TaskResult(
        Variant arm,
        String task,
        @Nullable String answer,
        @Nullable Boolean passed,
        @Nullable String failure,
        boolean cut,
        int tokens,
        double seconds,
        double firstTokenSeconds,
        @Nullable Double tokensPerSecond,
        @Nullable Double logProb,
        @Nullable Integer scoredTokens,
        @Nullable String error) {}
