package io.github.mlx4j.generation;

import java.util.List;

/**
 * An event of a {@link GenerationStream}: thinking and text as they are generated, then one {@link Completed}. Later
 * versions may add kinds; a switch outside this package needs a {@code default}.
 */
public sealed interface GenerationEvent {

    /**
     * The next piece of the answer. Characters are never split.
     *
     * @param text the piece; empty if its tokens have no printable text
     * @param tokens the ids of the tokens that this piece completes
     * @param logProbs the log probability of each token; empty unless {@link GenerationRequest#logProbs()} requests it
     */
    record Text(String text, List<Integer> tokens, List<TokenLogProb> logProbs) implements GenerationEvent {
        /** Takes immutable copies. */
        public Text {
            tokens = List.copyOf(tokens);
            logProbs = List.copyOf(logProbs);
        }

        /** A piece without log probabilities. */
        public Text(String text, List<Integer> tokens) {
            this(text, tokens, List.of());
        }
    }

    /**
     * The next piece of the model's thinking, which is not part of the answer's text. Characters are never split.
     *
     * <p>Some chat templates open the thinking for the model. If the model then answers directly and never closes it,
     * the text that was reported as thinking is repeated as {@link Text} at the end, and
     * {@link GenerationResult#thinking()} is empty.
     *
     * @param text the piece; may be empty
     * @param tokens the ids of the tokens that this piece completes
     * @param logProbs the log probability of each token; empty unless {@link GenerationRequest#logProbs()} requests it
     */
    record Thinking(String text, List<Integer> tokens, List<TokenLogProb> logProbs) implements GenerationEvent {
        /** Takes immutable copies. */
        public Thinking {
            tokens = List.copyOf(tokens);
            logProbs = List.copyOf(logProbs);
        }

        /** A piece without log probabilities. */
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
