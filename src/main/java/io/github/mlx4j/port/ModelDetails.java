package io.github.mlx4j.port;

import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.provider.Backend;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The model that a worker has loaded.
 *
 * @param backend the engine, the requested folder or hub id, and the device
 * @param format the kind of source: {@code model}, {@code peftAdapter}, {@code mlxAdapter} or {@code dylora}
 * @param base the name of the base model of an adapter or a DyLoRA-MoE
 * @param adapter the folder of the adapter applied to the model
 * @param experts the experts of a DyLoRA-MoE, in the order of the router
 * @param dtype the dtype of the weights, such as {@code float32}
 * @param contextLength in tokens; empty if the model states none
 * @param vocabularySize the number of token ids
 * @param chat whether it has a chat template
 * @param concurrent whether the worker generates for several requests at once; otherwise they run one at a time
 * @param capabilities what it supports besides text, by the protocol's names
 * @param samplingDefaults the model's recommended sampling values, used for those that a request doesn't set
 * @param activeBytes memory in use after the load, in bytes
 * @param embeddings how it computes embeddings; empty if it can't, in which case the warnings may explain why
 * @param warnings warnings about this load
 * @param packages versions of the engine's packages
 */
public record ModelDetails(
        Backend backend,
        String format,
        Optional<String> base,
        Optional<String> adapter,
        List<String> experts,
        String dtype,
        OptionalInt contextLength,
        int vocabularySize,
        boolean chat,
        boolean concurrent,
        List<String> capabilities,
        Sampling samplingDefaults,
        long activeBytes,
        Optional<EmbeddingDetails> embeddings,
        List<String> warnings,
        Map<String, String> packages) {

    /** Takes immutable copies. */
    public ModelDetails {
        experts = List.copyOf(experts);
        capabilities = List.copyOf(capabilities);
        warnings = List.copyOf(warnings);
        packages = Map.copyOf(packages);
    }
}
