package io.github.mlx4j.model.registry;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.provider.ModelRole;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which model of a role is the best that fits: the one with the most parameters; of two with as many, that with the
 * longer context, then the first by id.
 *
 * @param role what it is to do
 * @param availableBytes the memory that there is
 * @param tokens of prompt and answer together
 * @param candidates every model of the role, best first
 */
public record ModelPick(ModelRole role, long availableBytes, int tokens, List<Candidate> candidates) {

    static final Comparator<RegisteredModel> BEST_FIRST = Comparator.comparingLong(RegisteredModel::parameters)
            .thenComparingInt(RegisteredModel::contextLength)
            .reversed()
            .thenComparing(RegisteredModel::id);

    /** Takes an immutable copy. */
    public ModelPick {
        candidates = List.copyOf(candidates);
    }

    /**
     * A model of the role.
     *
     * @param model the model
     * @param memory what it takes with so many tokens
     * @param whyNot why it can't be the one, or empty where it fits
     */
    public record Candidate(RegisteredModel model, MemoryEstimate memory, String whyNot) {

        static Candidate of(RegisteredModel model, long availableBytes, int tokens) {
            MemoryEstimate memory = MemoryEstimate.inference(model, tokens);
            String whyNot = "";
            if (tokens > model.contextLength()) {
                whyNot = "its context holds %,d tokens".formatted(model.contextLength());
            } else if (memory.bytes() > availableBytes) {
                whyNot = "takes %s, %s too much"
                        .formatted(ByteText.text(memory.bytes()), ByteText.text(memory.bytes() - availableBytes));
            }
            return new Candidate(model, memory, whyNot);
        }

        /** Whether it fits. */
        public boolean fits() {
            return whyNot.isEmpty();
        }
    }

    /** The best that fits; empty where none does. */
    public Optional<Candidate> best() {
        return candidates.stream().filter(Candidate::fits).findFirst();
    }
}
