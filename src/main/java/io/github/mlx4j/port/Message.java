package io.github.mlx4j.port;

/**
 * One message of a chat.
 *
 * @param role who speaks
 * @param content what they say
 */
public record Message(Role role, String content) {

    /** Who speaks in a chat. */
    public enum Role {
        /** Instructions that stand above the chat. */
        SYSTEM,
        /** The human or the program that asks. */
        USER,
        /** The model. */
        ASSISTANT
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
}
