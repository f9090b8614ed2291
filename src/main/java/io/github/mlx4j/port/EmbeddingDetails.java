package io.github.mlx4j.port;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a model makes the vector of a text.
 *
 * @param pooling how the hidden states of its tokens become one vector: {@code cls}, {@code max}, {@code mean},
 *     {@code mean_sqrt_len_tokens}, {@code weightedmean} or {@code lasttoken}; the vectors of several are joined
 * @param origin where that comes from
 * @param modules what is done with the pooled vector, in order: {@code dense}, {@code normalize}
 * @param prompts the texts of the model's prompts by their names, for {@link EmbeddingPort#embed(List, String)}
 * @param defaultPrompt the prompt that is put before a text where a call names none
 * @param maxTokens longer texts are cut to so many tokens; empty where they are refused
 * @param dimensions the length of a vector; empty if it is not known before one is made
 */
public record EmbeddingDetails(
        List<String> pooling,
        Origin origin,
        List<String> modules,
        Map<String, String> prompts,
        Optional<String> defaultPrompt,
        OptionalInt maxTokens,
        OptionalInt dimensions) {

    /** Where the pooling comes from. */
    public enum Origin {
        /** The folder's own description, in the files of sentence-transformers. */
        FOLDER,
        /** The folder has none, but its name and type say which model it is. */
        FAMILY,
        /** Nothing says how to pool, so it is the mean. For many models, that is not what they were trained for. */
        ASSUMED
    }

    /** Takes immutable copies. */
    public EmbeddingDetails {
        pooling = List.copyOf(pooling);
        modules = List.copyOf(modules);
        prompts = Collections.unmodifiableMap(new LinkedHashMap<>(prompts));
    }

    /** In short, such as {@code lasttoken, normalize} or {@code mean (assumed)}. */
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
