package io.github.mlx4j.generation;

import java.util.List;

/** The input of a model. A switch outside this package needs a {@code default}. */
public sealed interface Prompt {

    /**
     * A chat, formatted with the model's chat template.
     *
     * @param messages the messages, oldest first; at least one
     */
    record Chat(List<Message> messages) implements Prompt {
        /** Takes an immutable copy. */
        public Chat {
            messages = List.copyOf(messages);
        }
    }

    /**
     * Text to continue, without a chat template.
     *
     * @param text the text
     */
    record Raw(String text) implements Prompt {}

    /**
     * Token ids from the model's vocabulary, used as is.
     *
     * @param ids the ids; at least one
     */
    record Tokens(List<Integer> ids) implements Prompt {
        /** Takes an immutable copy. */
        public Tokens {
            ids = List.copyOf(ids);
        }
    }
}
