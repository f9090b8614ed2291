package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a model makes vectors: a part of the result of {@code initialize}.
 *
 * @param pooling how hidden states become one vector
 * @param origin where that comes from: {@code folder}, {@code family} or {@code assumed}
 * @param modules what is done with the pooled vector
 * @param prompts the texts of its prompts by their names
 * @param defaultPrompt the name of the prompt for texts without one
 * @param maxTokens to how many tokens texts are cut
 * @param dimensions the length of a vector, {@code null} if it is not known before one is made
 */
public record ModelEmbeddings(
        List<String> pooling,
        String origin,
        List<String> modules,
        Map<String, String> prompts,
        @Nullable String defaultPrompt,
        @Nullable Integer maxTokens,
        @Nullable Integer dimensions) {}
