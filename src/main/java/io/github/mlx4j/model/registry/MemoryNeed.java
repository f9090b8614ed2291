package io.github.mlx4j.model.registry;

import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import java.nio.file.Path;

/**
 * What a worker with a model takes in memory, before it is started: the weights, and the KV cache of one request of
 * {@value #TOKENS} tokens, or of the model's context where that is shorter.
 *
 * @param bytes how much; what is known of it
 * @param known whether that is all of it; never for a model that is not on this machine yet
 * @param explanation the arithmetic, or why it is not known, for people
 */
public record MemoryNeed(long bytes, boolean known, String explanation) {

    /** Tokens of prompt and answer together that the KV cache is reckoned for. */
    public static final int TOKENS = 4096;

    /**
     * The memory that a model takes. Reads configs and headers only; never throws.
     *
     * @param model a folder, or a hub id that is in the cache or in the registry
     */
    public static MemoryNeed of(String model, ModelRegistry registry) {
        try {
            return HubCache.local(model).map(MemoryNeed::inFolder).orElseGet(() -> inRegistry(model, registry));
        } catch (RuntimeException unreadable) { // the worker will say what is wrong with it
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

    /** Both together, such as a model and its draft model. */
    public MemoryNeed plus(MemoryNeed other) {
        return new MemoryNeed(bytes + other.bytes, known && other.known, explanation + "; and " + other.explanation);
    }
}
