package io.github.mlx4j.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One message of a chat.
 *
 * @param role the author
 * @param content the text; for a tool, its result
 * @param toolCalls the tool calls of the model; only for {@link Role#ASSISTANT}
 * @param toolCallId the id of the tool call that this message answers; only for {@link Role#TOOL}, otherwise
 *     {@code null}
 */
public record Message(
        Role role,
        String content,
        List<ToolCall> toolCalls,
        @Nullable String toolCallId) {

    /** The author of a message. */
    public enum Role {
        /** Instructions for the whole chat. */
        SYSTEM,
        /** The human or the program. */
        USER,
        /** The model. */
        ASSISTANT,
        /** A tool that the model called. */
        TOOL
    }

    /** Takes an immutable copy. */
    public Message {
        toolCalls = List.copyOf(toolCalls);
    }

    /** A message without tool calls. */
    public Message(Role role, String content) {
        this(role, content, List.of(), null);
    }

    /** A system message. */
    public static Message system(String content) {
        return new Message(Role.SYSTEM, content);
    }

    /** A user message. */
    public static Message user(String content) {
        return new Message(Role.USER, content);
    }

    /** An earlier answer of the model. */
    public static Message assistant(String content) {
        return new Message(Role.ASSISTANT, content);
    }

    /** An earlier answer of the model, with its tool calls. */
    public static Message assistant(String content, List<ToolCall> toolCalls) {
        return new Message(Role.ASSISTANT, content, toolCalls, null);
    }

    /** The result of a tool call. */
    public static Message tool(ToolCall call, String content) {
        return new Message(Role.TOOL, content, List.of(), call.id());
    }
}
