package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.generation.Sampling;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@code initialize}: what was loaded.
 *
 * @param model the model's source, as asked for
 * @param device where it runs: {@code gpu}, {@code cpu}, {@code mps}, {@code cuda}
 * @param contextLength its context in tokens, or {@code null} where it states none
 * @param vocabularySize how many token ids it knows
 * @param chat whether it has a chat template
 * @param concurrent whether the worker runs several requests at once
 * @param capabilities what it can do beyond text, by the names of the protocol
 * @param format what the source is: {@code model}, {@code peftAdapter}, {@code mlxAdapter}, {@code dylora}
 * @param base how the base model of an adapter or a DyLoRA-MoE is named
 * @param adapter the folder of the adapter that is on the model
 * @param experts the experts of a DyLoRA-MoE, in their router's order
 * @param dtype of the weights
 * @param embeddings how it makes vectors, {@code null} if it can't
 * @param warnings what the user should know about this load
 * @param samplingDefaults the model author's sampling
 * @param memory what it takes
 * @param packages versions of the engine's packages
 */
public record ModelInfo(
        String model,
        String device,
        @Nullable Integer contextLength,
        int vocabularySize,
        boolean chat,
        boolean concurrent,
        List<String> capabilities,
        String format,
        @Nullable String base,
        @Nullable String adapter,
        List<String> experts,
        String dtype,
        @Nullable ModelEmbeddings embeddings,
        List<String> warnings,
        Sampling samplingDefaults,
        Memory memory,
        Map<String, String> packages) {

    /** A worker of an older minor version leaves some of it out. */
    public ModelInfo {
        format = Objects.requireNonNullElse(format, "model");
        dtype = Objects.requireNonNullElse(dtype, "");
        memory = Objects.requireNonNullElse(memory, new Memory(0, 0));
        samplingDefaults = Objects.requireNonNullElse(samplingDefaults, Sampling.DEFAULT);
    }

    /**
     * Memory by the engine's own count.
     *
     * @param activeBytes in use
     * @param peakBytes the most that was in use
     */
    public record Memory(long activeBytes, long peakBytes) {}
}
