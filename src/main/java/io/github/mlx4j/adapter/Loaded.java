package io.github.mlx4j.adapter;

import io.github.mlx4j.internal.protocol.ModelEmbeddings;
import io.github.mlx4j.internal.protocol.ModelInfo;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** From what a worker says of its model to what a caller sees. */
final class Loaded {

    private Loaded() {}

    static ModelDetails details(ProviderKind kind, ModelInfo info) {
        return new ModelDetails(
                backend(kind, info),
                info.format(),
                Optional.ofNullable(info.base()),
                Optional.ofNullable(info.adapter()),
                info.experts(),
                info.dtype(),
                optional(info.contextLength()),
                info.vocabularySize(),
                info.chat(),
                info.concurrent(),
                info.capabilities(),
                info.samplingDefaults(),
                info.memory().activeBytes(),
                Optional.ofNullable(info.embeddings()).map(Loaded::embeddings),
                info.warnings(),
                info.packages());
    }

    static Backend backend(ProviderKind kind, ModelInfo info) {
        return new Backend(kind, info.model(), info.device());
    }

    static EmbeddingDetails embeddings(ModelEmbeddings told) {
        return new EmbeddingDetails(
                told.pooling(),
                EmbeddingDetails.Origin.valueOf(told.origin().toUpperCase(Locale.ROOT)),
                told.modules(),
                told.prompts(),
                Optional.ofNullable(told.defaultPrompt()),
                optional(told.maxTokens()),
                optional(told.dimensions()));
    }

    private static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }
}
