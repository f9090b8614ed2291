package io.github.mlx4j.port;

import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.provider.Backend;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a worker has loaded.
 *
 * @param backend which engine has it, the folder or hub id that was asked for, and where it runs
 * @param format what the source is: {@code model}, {@code peftAdapter}, {@code mlxAdapter} or {@code dylora}
 * @param base the base model of an adapter or a DyLoRA-MoE, as it is named
 * @param adapter the folder of the adapter that is on the model
 * @param experts the experts of a DyLoRA-MoE, in their router's order
 * @param dtype of the weights, such as {@code float32}
 * @param contextLength in tokens, empty where the model states none
 * @param vocabularySize how many token ids it knows
 * @param chat whether it has a chat template
 * @param concurrent whether requests run side by side
 * @param capabilities what it can do beyond text, by the names of the protocol
 * @param samplingDefaults the model author's sampling, which counts where a request says nothing
 * @param activeBytes memory that it takes after its load
 * @param embeddings how it makes vectors; empty where it can't, and then the warnings may say why
 * @param warnings what a user should know about this load
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
