package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Params of {@code rerank}.
 *
 * @param query what the documents are scored for
 * @param documents the texts to score
 * @param instruction the task, or {@code null} for the model's own
 * @param truncate whether the end of a document that is too long is dropped
 */
public record RerankParams(
        String query, List<String> documents, @Nullable String instruction, boolean truncate) {}
