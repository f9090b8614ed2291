package io.github.mlx4j.compare;

import io.github.mlx4j.port.ModelDetails;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Whether two models give the same results, and where they differ. Differences are absolute differences between logits.
 *
 * @param a the first model, A
 * @param b the second model, B
 * @param tolerance the maximum difference that passes, relative to the range of A's logits for the prompt
 * @param maxTokens the maximum number of tokens that each model generated for a prompt
 * @param passed whether every prompt passed
 * @param reasons short reasons for a failure; empty if every prompt passed
 * @param notes notes that are needed to interpret the figures
 * @param positions how many positions in the prompts were compared
 * @param maxDifference the maximum difference between finite logits
 * @param meanDifference the mean difference between finite logits
 * @param argmaxAgreed at how many positions both models have the same most probable token
 * @param greedyAgreed for how many prompts both models generated the same tokens
 * @param prompts the results of the prompts, in order
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

    /** Copies the lists. */
    public Verification {
        reasons = List.copyOf(reasons);
        notes = List.copyOf(notes);
        prompts = List.copyOf(prompts);
    }

    /**
     * A model that was compared.
     *
     * @param name the model's name
     * @param source the folder or hub id
     * @param adapter the folder of the adapter on the model; {@code null} if there is none
     * @param backend the engine: {@code mlx} or {@code hf}
     * @param device the device it ran on
     * @param dtype the data type of its weights
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
     * The result for one prompt.
     *
     * @param prompt the prompt in readable form
     * @param tokens how many tokens the prompt has in A
     * @param passed whether there are no significant differences
     * @param differences the significant differences in readable form
     * @param logits the comparison of logits; {@code null} if they were not compared
     * @param greedy the comparison of greedy generation; {@code null} if it was not compared
     */
    public record Check(
            String prompt,
            int tokens,
            boolean passed,
            List<String> differences,
            @Nullable Logits logits,
            @Nullable Greedy greedy) {

        /** Copies the list of differences. */
        public Check {
            differences = List.copyOf(differences);
        }
    }

    /**
     * The comparison of the logits after each token of a prompt.
     *
     * @param positions how many positions were compared
     * @param vocabularySize how many token ids were compared at each position: those that both models know
     * @param maxDifference the maximum difference between finite logits
     * @param maxDifferenceAt the position of the maximum difference, starting at 0
     * @param meanDifference the mean difference between finite logits
     * @param range the difference between A's largest and smallest logit over all positions
     * @param notFinite how many pairs had a NaN or an infinity
     * @param argmaxDiffersAt the positions where the most probable tokens differ, starting at 0
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

        /** Copies the list of positions. */
        public Logits {
            argmaxDiffersAt = List.copyOf(argmaxDiffersAt);
        }
    }

    /**
     * The comparison of the texts that both models generated by greedy decoding.
     *
     * @param tokensA how many tokens A generated
     * @param tokensB how many tokens B generated
     * @param divergence where the texts diverge; {@code null} if they are the same
     */
    public record Greedy(int tokensA, int tokensB, @Nullable Divergence divergence) {}

    /**
     * The point where two texts diverge.
     *
     * @param at how many tokens come before it
     * @param tokenA A's next token; {@code null} if its text has ended
     * @param tokenB B's next token; {@code null} if its text has ended
     * @param marginA by how much A's most probable token leads the second there, in logits; {@code null} if unknown
     * @param marginB the same for B
     */
    public record Divergence(
            int at,
            @Nullable Integer tokenA,
            @Nullable Integer tokenB,
            @Nullable Double marginA,
            @Nullable Double marginB) {}
}
