package io.github.mlx4j.port;

import java.util.List;

/**
 * What a {@link GenerationStream} gives: text as it comes, then one {@link Completed}. More kinds may be added; code
 * outside this package that switches over it needs a {@code default}.
 */
public sealed interface GenerationEvent {

    /**
     * The next piece of the answer. Characters are always whole.
     *
     * @param text the piece; may be empty where tokens had no text to show
     * @param tokens the ids of the tokens that this piece completes
     */
    record Text(String text, List<Integer> tokens) implements GenerationEvent {
        /** Takes immutable copies. */
        public Text {
            tokens = List.copyOf(tokens);
        }
    }

    /**
     * The end of the answer; always last.
     *
     * @param result the whole answer
     */
    record Completed(GenerationResult result) implements GenerationEvent {}
}
