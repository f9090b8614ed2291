package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.internal.protocol.GenerateParams.ChatMessage;
import io.github.mlx4j.internal.protocol.GenerateParams.ToolParams;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code score}. Exactly one of {@code messages}, {@code prompt} and {@code tokens} is set.
 *
 * @param messages a chat
 * @param prompt raw text
 * @param tokens token ids
 * @param tools what the model may call, or {@code null} for none
 * @param thinking whether the model thinks, or {@code null} for the template's choice
 * @param completion what follows the prompt
 */
public record ScoreParams(
        @Nullable List<ChatMessage> messages,
        @Nullable String prompt,
        @Nullable List<Integer> tokens,
        @Nullable List<ToolParams> tools,
        @Nullable Boolean thinking,
        String completion) {}
