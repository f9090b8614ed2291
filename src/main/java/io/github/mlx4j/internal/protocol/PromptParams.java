package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.internal.protocol.GenerateParams.ChatMessage;
import io.github.mlx4j.internal.protocol.GenerateParams.ToolParams;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code tokenize}, {@code countTokens} and {@code applyTemplate}. One of {@code messages} and {@code prompt}
 * is set.
 *
 * @param messages a chat
 * @param prompt raw text
 * @param tools what the model may call, or {@code null} for none
 * @param thinking whether the model thinks, or {@code null} for the template's choice
 */
public record PromptParams(
        @Nullable List<ChatMessage> messages,
        @Nullable String prompt,
        @Nullable List<ToolParams> tools,
        @Nullable Boolean thinking) {}
