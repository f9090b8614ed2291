package io.github.mlx4j.model.registry;

import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import java.nio.file.Path;

/**
 * The memory that a worker with a model needs, calculated before it starts: the weights, and the KV cache for one
 * request of {@value #TOKENS} tokens, or of the model's context length if that is shorter.
 *
 * @param bytes the number of bytes, as far as it is known
 * @param known whether the number is complete; never true for a model that is not on this machine yet
 * @param explanation the calculation, or why it is not possible, in human-readable form
 */
public record MemoryNeed(long bytes, boolean known, String explanation) {

    /** The number of prompt and completion tokens assumed for the KV cache. */
    public static final int TOKENS = 4096;

    /**
     * Calculates the memory that a model needs. It reads only configs and headers, and never throws an exception.
     *
     * @param model a folder, or a hub id that is in the cache or in the registry
     */
    public static MemoryNeed of(String model, ModelRegistry registry) {
        try {
            return HubCache.local(model).map(MemoryNeed::inFolder).orElseGet(() -> inRegistry(model, registry));
        } catch (RuntimeException unreadable) { // the worker will report the error
            return new MemoryNeed(0, false, "not known: " + unreadable.getMessage());
        }
    }

    private static MemoryNeed inRegistry(String model, ModelRegistry registry) {
        return registry.find(model)
                .map(known -> MemoryEstimate.inference(known, Math.min(known.contextLength(), TOKENS)))
                .map(estimate -> new MemoryNeed(
                        estimate.bytes(),
                        false,
                        estimate.explain() + ", by the registry; it is not on this machine yet"))
                .orElseGet(() -> new MemoryNeed(0, false, "not known: it is not on this machine yet"));
    }

    private static MemoryNeed inFolder(Path folder) {
        ModelInspection model = ModelInspector.inspect(folder);
        Integer context = model.whole().map(ModelInspection::contextLength).orElse(null);
        MemoryEstimate estimate =
                MemoryEstimate.inference(model, context == null ? TOKENS : Math.min(context, TOKENS), 1);
        return new MemoryNeed(estimate.bytes(), estimate.complete(), estimate.explain());
    }

    /** Returns the sum of two needs, such as those of a model and its draft model. */
    public MemoryNeed plus(MemoryNeed other) {
        return new MemoryNeed(bytes + other.bytes, known && other.known, explanation + "; and " + other.explanation);
    }
}
