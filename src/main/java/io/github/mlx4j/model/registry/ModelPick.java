package io.github.mlx4j.model.registry;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.provider.ModelRole;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The choice of the best model for a role that fits into memory. Models are ranked by the number of parameters, then by
 * context length, then by id.
 *
 * @param role the role
 * @param availableBytes the available memory in bytes
 * @param tokens the number of prompt and completion tokens
 * @param candidates all models for the role, best first
 */
public record ModelPick(ModelRole role, long availableBytes, int tokens, List<Candidate> candidates) {

    static final Comparator<RegisteredModel> BEST_FIRST = Comparator.comparingLong(RegisteredModel::parameters)
            .thenComparingInt(RegisteredModel::contextLength)
            .reversed()
            .thenComparing(RegisteredModel::id);

    /** Makes an immutable copy of the candidates. */
    public ModelPick {
        candidates = List.copyOf(candidates);
    }

    /**
     * A model for the role.
     *
     * @param model the model
     * @param memory the memory needed for the number of tokens
     * @param whyNot why the model can't be chosen; empty if it fits
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

        /** Returns whether the model fits. */
        public boolean fits() {
            return whyNot.isEmpty();
        }
    }

    /** Returns the best model that fits; empty if none does. */
    public Optional<Candidate> best() {
        return candidates.stream().filter(Candidate::fits).findFirst();
    }
}
