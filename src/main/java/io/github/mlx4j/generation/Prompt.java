package io.github.mlx4j.generation;

import java.util.List;

/** What a model is given. Code outside this package that switches over it needs a {@code default}. */
public sealed interface Prompt {

    /**
     * A chat, which the model's chat template turns into text.
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
     * Text that the model continues, without a template.
     *
     * @param text the text
     */
    record Raw(String text) implements Prompt {}

    /**
     * Token ids of the model's own vocabulary, taken as they are.
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
