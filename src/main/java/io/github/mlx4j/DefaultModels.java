package io.github.mlx4j;

import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The default model of each role, used if none is configured; there is no default reranker. The defaults for Ollama and
 * OpenAI come from the guide that this library is based on. hf uses the counterpart of the mlx model, and Anthropic has
 * no default. {@code docs/configuration.md} has the same table.
 */
final class DefaultModels {

    private static final String PHI3 = ModelRegistry.DEFAULT_MLX;

    private static final List<Row> TABLE = List.of(
            new Row(ModelRole.ROUTER, PHI3, "phi3", "gpt-4"),
            new Row(ModelRole.DECOMPOSER, PHI3, "orca2", "gpt-4"),
            new Row(ModelRole.ENHANCER, PHI3, "llama3.1", "gpt-4"),
            new Row(ModelRole.TESTER, PHI3, "mistral", "gpt-4"),
            new Row(ModelRole.RERANKER, null, null, null),
            new Row(ModelRole.GENERAL, PHI3, "llama3.1", "gpt-4"));

    private record Row(
            ModelRole role,
            @Nullable String mlx,
            @Nullable String ollama,
            @Nullable String openai) {}

    private DefaultModels() {}

    /** Returns the default model of a role. For OpenAI, it applies only at OpenAI's own address. */
    static Optional<String> of(ProviderKind provider, ModelRole role) {
        Row row = TABLE.stream().filter(one -> one.role() == role).findFirst().orElseThrow();
        return switch (provider) {
            case MLX -> Optional.ofNullable(row.mlx());
            case OLLAMA -> Optional.ofNullable(row.ollama());
            case OPENAI -> Optional.ofNullable(row.openai());
            case HF, ANTHROPIC -> Optional.empty();
        };
    }
}
