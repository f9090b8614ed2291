package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
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
 * @param responseFormat what the text must be, or {@code null} for anything
 * @param tools what the model may call, or {@code null} for none
 * @param thinking whether the model thinks, or {@code null} for the template's choice
 * @param logProbs how many of the likeliest tokens to report, or {@code null} for no report
 * @param cacheSalt whose cached prefixes to share, or {@code null} for those of requests without a salt
 */
public record GenerateParams(
        @Nullable List<ChatMessage> messages,
        @Nullable String prompt,
        @Nullable List<Integer> tokens,
        SamplingParams sampling,
        List<String> stop,
        int maxTokens,
        @Nullable ResponseFormatParams responseFormat,
        @Nullable List<ToolParams> tools,
        @Nullable Boolean thinking,
        @Nullable Integer logProbs,
        @Nullable String cacheSalt) {

    /**
     * A message of a chat.
     *
     * @param role {@code system}, {@code user}, {@code assistant} or {@code tool}
     * @param content its text
     * @param toolCalls the calls that it made, or {@code null} for none
     * @param toolCallId the call that it answers, or {@code null}
     */
    public record ChatMessage(
            String role,
            String content,
            @Nullable List<ToolCallData> toolCalls,
            @Nullable String toolCallId) {}

    /**
     * How tokens are chosen; {@code null} is the worker's default.
     *
     * @param temperature 0 is greedy
     * @param topP 1 is off
     * @param topK 0 is off
     * @param minP 0 is off
     * @param seed random by default
     * @param repetitionPenalty 1 is off
     * @param presencePenalty 0 is off
     * @param frequencyPenalty 0 is off
     * @param logitBias by token id
     */
    public record SamplingParams(
            @Nullable Double temperature,
            @Nullable Double topP,
            @Nullable Integer topK,
            @Nullable Double minP,
            @Nullable Long seed,
            @Nullable Double repetitionPenalty,
            @Nullable Double presencePenalty,
            @Nullable Double frequencyPenalty,
            @Nullable Map<Integer, Double> logitBias) {}

    /**
     * What the text must be.
     *
     * @param type {@code json}, {@code jsonSchema}, {@code regex} or {@code choice}
     * @param schema of {@code jsonSchema}
     * @param pattern of {@code regex}
     * @param choices of {@code choice}
     */
    public record ResponseFormatParams(
            String type,
            @Nullable JsonNode schema,
            @Nullable String pattern,
            @Nullable List<String> choices) {}

    /**
     * A tool.
     *
     * @param name its name
     * @param description what it does
     * @param parameters the JSON schema of its arguments
     */
    public record ToolParams(
            String name,
            @Nullable String description,
            @Nullable JsonNode parameters) {}
}
