package io.github.mlx4j.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One message of a chat.
 *
 * @param role who speaks
 * @param content what they say; of a tool: what it gave
 * @param toolCalls the calls that the model made with this message; of {@link Role#ASSISTANT} only
 * @param toolCallId the id of the call that this message answers; of {@link Role#TOOL} only, else {@code null}
 */
public record Message(
        Role role,
        String content,
        List<ToolCall> toolCalls,
        @Nullable String toolCallId) {

    /** Who speaks in a chat. */
    public enum Role {
        /** Instructions that stand above the chat. */
        SYSTEM,
        /** The human or the program that asks. */
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

    /** A message that has nothing to do with tools. */
    public Message(Role role, String content) {
        this(role, content, List.of(), null);
    }

    /** Instructions to the model. */
    public static Message system(String content) {
        return new Message(Role.SYSTEM, content);
    }

    /** A question or request to the model. */
    public static Message user(String content) {
        return new Message(Role.USER, content);
    }

    /** An earlier answer of the model. */
    public static Message assistant(String content) {
        return new Message(Role.ASSISTANT, content);
    }

    /** An earlier answer of the model, with the calls that it made. */
    public static Message assistant(String content, List<ToolCall> toolCalls) {
        return new Message(Role.ASSISTANT, content, toolCalls, null);
    }

    /** What a tool gave for a call of the model. */
    public static Message tool(ToolCall call, String content) {
        return new Message(Role.TOOL, content, List.of(), call.id());
    }
}
