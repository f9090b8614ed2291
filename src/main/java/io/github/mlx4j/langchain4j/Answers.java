package io.github.mlx4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.Usage;
import java.util.UUID;

/** Converts results into LangChain4j's responses. */
final class Answers {

    private Answers() {}

    /**
     * Converts a result.
     *
     * @throws UnreadableAnswerException if a tool call is malformed, because LangChain4j can't represent one; a
     *     truncated call is left out, and the finish reason shows that the answer was truncated
     */
    static ChatResponse of(GenerationResult result) {
        if (!result.unreadToolCalls().isEmpty()
                && result.finishReason() != io.github.mlx4j.generation.FinishReason.LENGTH) {
            MalformedToolCall unread = result.unreadToolCalls().get(0);
            throw new UnreadableAnswerException(
                    "The model wrote a tool call that can't be parsed: " + unread.reason(),
                    "Try again, or use another model.",
                    unread.text(),
                    null);
        }
        boolean onlyCalls = result.text().isEmpty() && !result.toolCalls().isEmpty();
        return ChatResponse.builder()
                .aiMessage(AiMessage.builder()
                        .text(onlyCalls ? null : result.text())
                        .thinking(result.thinking().isEmpty() ? null : result.thinking())
                        .toolExecutionRequests(
                                result.toolCalls().stream().map(Answers::call).toList())
                        .build())
                .id("mlx4j-" + UUID.randomUUID())
                .modelName(result.backend().model())
                .tokenUsage(usage(result.usage()))
                .finishReason(reason(result.finishReason()))
                .build();
    }

    private static ToolExecutionRequest call(ToolCall call) {
        return ToolExecutionRequest.builder()
                .id(call.id())
                .name(call.name())
                .arguments(call.arguments())
                .build();
    }

    private static TokenUsage usage(Usage usage) {
        return new TokenUsage(usage.promptTokens(), usage.completionTokens(), usage.totalTokens());
    }

    private static FinishReason reason(io.github.mlx4j.generation.FinishReason reason) {
        return switch (reason) {
            case STOP -> FinishReason.STOP;
            case TOOL_CALLS -> FinishReason.TOOL_EXECUTION;
            case LENGTH -> FinishReason.LENGTH;
            case OTHER -> FinishReason.OTHER;
        };
    }
}
