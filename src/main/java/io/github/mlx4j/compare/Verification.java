package io.github.mlx4j.compare;

import io.github.mlx4j.port.ModelDetails;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Whether two models give the same, and where not. Differences are of logits, absolute.
 *
 * @param a the one
 * @param b the other
 * @param tolerance the largest difference that passes, relative to the range of A's logits for the prompt
 * @param maxTokens the most tokens that each generated for a prompt
 * @param passed whether every prompt passed
 * @param reasons why not, in short; empty if it did
 * @param notes what a reader must know
 * @param positions how many places in the prompts were compared
 * @param maxDifference the largest difference of finite logits
 * @param meanDifference the mean difference of finite logits
 * @param argmaxAgreed at how many of the positions both have the same likeliest token
 * @param greedyAgreed for how many prompts both generated the same tokens
 * @param prompts each prompt, in order
 */
public record Verification(
        Model a,
        Model b,
        double tolerance,
        int maxTokens,
        boolean passed,
        List<String> reasons,
        List<String> notes,
        int positions,
        double maxDifference,
        double meanDifference,
        int argmaxAgreed,
        int greedyAgreed,
        List<Check> prompts) {

    /** Takes immutable copies. */
    public Verification {
        reasons = List.copyOf(reasons);
        notes = List.copyOf(notes);
        prompts = List.copyOf(prompts);
    }

    /**
     * What was compared.
     *
     * @param name the side's name
     * @param source the folder or hub id
     * @param adapter the folder of the adapter on it; {@code null} if there is none
     * @param backend the engine: {@code mlx} or {@code hf}
     * @param device where it ran
     * @param dtype of its weights
     * @param vocabularySize how many token ids it knows
     * @param packages versions of the engine's packages
     */
    public record Model(
            String name,
            String source,
            @Nullable String adapter,
            String backend,
            String device,
            String dtype,
            int vocabularySize,
            Map<String, String> packages) {

        static Model of(String name, ModelDetails details) {
            return new Model(
                    name,
                    details.backend().model(),
                    details.adapter().orElse(null),
                    details.backend().provider().id(),
                    details.backend().device(),
                    details.dtype(),
                    details.vocabularySize(),
                    new TreeMap<>(details.packages()));
        }
    }

    /**
     * One prompt.
     *
     * @param prompt the prompt, for people
     * @param tokens how many tokens A makes of it
     * @param passed whether there is no difference that counts
     * @param differences those that count, for people
     * @param logits what the logits gave; {@code null} if they were not compared
     * @param greedy what greedy generation gave; {@code null} if it was not compared
     */
    public record Check(
            String prompt,
            int tokens,
            boolean passed,
            List<String> differences,
            @Nullable Logits logits,
            @Nullable Greedy greedy) {

        /** Takes an immutable copy. */
        public Check {
            differences = List.copyOf(differences);
        }
    }

    /**
     * The logits after each token of a prompt.
     *
     * @param positions how many places
     * @param vocabularySize how many token ids were compared at each: those that both know
     * @param maxDifference the largest difference of finite logits
     * @param maxDifferenceAt its place, from 0
     * @param meanDifference the mean difference of finite logits
     * @param range how far A's largest logit is above its smallest, over all positions
     * @param notFinite how many pairs had a NaN or an infinity
     * @param argmaxDiffersAt the places where the likeliest tokens differ, from 0
     */
    public record Logits(
            int positions,
            int vocabularySize,
            double maxDifference,
            int maxDifferenceAt,
            double meanDifference,
            double range,
            long notFinite,
            List<Integer> argmaxDiffersAt) {

        /** Takes an immutable copy. */
        public Logits {
            argmaxDiffersAt = List.copyOf(argmaxDiffersAt);
        }
    }

    /**
     * What both generated, with the likeliest token each time.
     *
     * @param tokensA how many tokens A generated
     * @param tokensB how many tokens B generated
     * @param divergence where they part; {@code null} if they are the same
     */
    public record Greedy(int tokensA, int tokensB, @Nullable Divergence divergence) {}

    /**
     * Where two texts part.
     *
     * @param at after how many tokens
     * @param tokenA A's next token; {@code null} if it ended
     * @param tokenB B's next token; {@code null} if it ended
     * @param marginA by how much A's likeliest token leads the next one there, in logits; {@code null} if unknown
     * @param marginB by how much B's does
     */
    public record Divergence(
            int at,
            @Nullable Integer tokenA,
            @Nullable Integer tokenB,
            @Nullable Double marginA,
            @Nullable Double marginB) {}
}
