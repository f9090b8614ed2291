package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code generate}. Exactly one of {@code messages}, {@code prompt} and {@code tokens} is set.
 *
 * @param messages a chat
 * @param prompt raw text
 * @param tokens token ids
 * @param sampling how tokens are chosen
 * @param stop texts that end the answer
 * @param maxTokens the most tokens to generate
 */
public record GenerateParams(
        @Nullable List<ChatMessage> messages,
        @Nullable String prompt,
        @Nullable List<Integer> tokens,
        SamplingParams sampling,
        List<String> stop,
        int maxTokens) {

    /**
     * A message of a chat.
     *
     * @param role {@code system}, {@code user} or {@code assistant}
     * @param content its text
     */
    public record ChatMessage(String role, String content) {}

    /**
     * How tokens are chosen; {@code null} is the worker's default.
     *
     * @param temperature 0 is greedy (default)
     * @param topP 1 is off (default)
     * @param topK 0 is off (default)
     * @param seed random by default
     */
    public record SamplingParams(
            @Nullable Double temperature,
            @Nullable Double topP,
            @Nullable Integer topK,
            @Nullable Long seed) {}
}
