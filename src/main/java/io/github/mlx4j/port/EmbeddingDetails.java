package io.github.mlx4j.port;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a model computes embeddings.
 *
 * @param pooling how the hidden states of the tokens are pooled into one vector: {@code cls}, {@code max},
 *     {@code mean}, {@code mean_sqrt_len_tokens}, {@code weightedmean} or {@code lasttoken}; the vectors of several
 *     methods are concatenated
 * @param origin where the pooling method comes from
 * @param modules the modules applied to the pooled vector, in order: {@code dense}, {@code normalize}
 * @param prompts the model's prompts by name, for {@link EmbeddingPort#embed(List, String)}
 * @param defaultPrompt the prompt prepended to a text if the call names none
 * @param maxTokens longer texts are truncated to this many tokens; empty if they are rejected
 * @param dimensions the length of a vector; empty if it is unknown before the first embedding
 */
public record EmbeddingDetails(
        List<String> pooling,
        Origin origin,
        List<String> modules,
        Map<String, String> prompts,
        Optional<String> defaultPrompt,
        OptionalInt maxTokens,
        OptionalInt dimensions) {

    /** The origin of the pooling method. */
    public enum Origin {
        /** The sentence-transformers files in the model folder. */
        FOLDER,
        /** No such files, but the model was recognized by its name and type. */
        FAMILY,
        /** Unknown, so the mean is used. Many models were not trained for it. */
        ASSUMED
    }

    /** Takes immutable copies. */
    public EmbeddingDetails {
        pooling = List.copyOf(pooling);
        modules = List.copyOf(modules);
        prompts = Collections.unmodifiableMap(new LinkedHashMap<>(prompts));
    }

    /** A summary, such as {@code lasttoken, normalize} or {@code mean (assumed)}. */
    public String summary() {
        List<String> steps = new ArrayList<>(List.of(String.join(" + ", pooling)
                + (switch (origin) {
                    case FOLDER -> "";
                    case FAMILY -> " (by the model's name)";
                    case ASSUMED -> " (assumed)";
                })));
        steps.addAll(modules);
        return String.join(", ", steps);
    }
}
