package io.github.mlx4j.generation;

import java.util.List;

/**
 * What a {@link GenerationStream} gives: thinking and text as they come, then one {@link Completed}. More kinds may be
 * added; code outside this package that switches over it needs a {@code default}.
 */
public sealed interface GenerationEvent {

    /**
     * The next piece of the answer. Characters are always whole.
     *
     * @param text the piece; may be empty where tokens had no text to show
     * @param tokens the ids of the tokens that this piece completes
     * @param logProbs how likely each of them was; empty unless {@link GenerationRequest#logProbs()} asks for it
     */
    record Text(String text, List<Integer> tokens, List<TokenLogProb> logProbs) implements GenerationEvent {
        /** Takes immutable copies. */
        public Text {
            tokens = List.copyOf(tokens);
            logProbs = List.copyOf(logProbs);
        }

        /** A piece without log-probabilities. */
        public Text(String text, List<Integer> tokens) {
            this(text, tokens, List.of());
        }
    }

    /**
     * The next piece of what the model thinks before it answers; it is no part of the answer's text. Characters are
     * always whole.
     *
     * <p>Some chat templates open the thinking for the model. If a model then answers at once and never closes it, what
     * came as thinking comes once more as {@link Text} at the end, and {@link GenerationResult#thinking()} is empty.
     *
     * @param text the piece; may be empty
     * @param tokens the ids of the tokens that this piece completes
     * @param logProbs how likely each of them was; empty unless {@link GenerationRequest#logProbs()} asks for it
     */
    record Thinking(String text, List<Integer> tokens, List<TokenLogProb> logProbs) implements GenerationEvent {
        /** Takes immutable copies. */
        public Thinking {
            tokens = List.copyOf(tokens);
            logProbs = List.copyOf(logProbs);
        }

        /** A piece without log-probabilities. */
        public Thinking(String text, List<Integer> tokens) {
            this(text, tokens, List.of());
        }
    }

    /**
     * The end of the answer; always last.
     *
     * @param result the whole answer
     */
    record Completed(GenerationResult result) implements GenerationEvent {}
}
