package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Options that override settings; the environment provides the others. */
public final class ProviderOptions {

    @Option(
            names = "--provider",
            paramLabel = "NAME",
            converter = NameConverter.class,
            description = "auto, mlx, hf, ollama, openai or anthropic (default: TASK_ORCHESTRATOR_PROVIDER, or auto).")
    private @Nullable Name provider;

    @Option(
            names = "--model",
            paramLabel = "DIR|ID",
            description = "Model folder, hub id (org/name), or a remote provider's model name (default: MLX_MODEL,"
                    + " HF_MODEL, …).")
    private @Nullable String model;

    /**
     * The value of {@code --provider}.
     *
     * @param kind the provider, or {@code null} for {@code auto}
     */
    private record Name(@Nullable ProviderKind kind) {}

    /** Rejects unknown provider names. */
    private static final class NameConverter implements CommandLine.ITypeConverter<Name> {

        @Override
        public Name convert(String value) {
            String id = value.strip().toLowerCase(Locale.ROOT);
            List<ProviderKind> kinds = List.of(ProviderKind.values());
            return id.equals("auto")
                    ? new Name(null)
                    : kinds.stream()
                            .filter(kind -> kind.id().equals(id))
                            .findFirst()
                            .map(Name::new)
                            .orElseThrow(() -> new CommandLine.TypeConversionException("'%s' is not one of auto, %s"
                                    .formatted(
                                            value,
                                            kinds.stream().map(ProviderKind::id).collect(Collectors.joining(", ")))));
        }
    }

    /** Creates a factory from the environment's settings, overridden by these options. */
    public ProviderFactory factory() {
        Map<String, String> environment = ProviderConfig.environment();
        if (provider != null) {
            environment.remove("TASK_ORCHESTRATOR_PROVIDER");
        }
        ProviderConfig.Builder builder = ProviderConfig.fromEnv(environment).toBuilder();
        if (provider != null) {
            builder.provider(provider.kind);
        }
        if (model != null && !model.isBlank()) {
            builder.modelForEveryRole(builder.build().provider().orElse(ProviderKind.MLX), model.strip());
        }
        return ProviderFactory.create(builder.build());
    }
}
