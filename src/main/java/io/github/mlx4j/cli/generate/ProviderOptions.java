package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Options that stand for settings; what is not given comes from the environment. */
public final class ProviderOptions {

    @Option(
            names = "--provider",
            paramLabel = "NAME",
            converter = Name.class,
            description =
                    "auto, mlx, hf, ollama, openai or anthropic; default: the environment's TASK_ORCHESTRATOR_PROVIDER, else"
                            + " auto.")
    private @Nullable String provider;

    @Option(
            names = "--model",
            paramLabel = "DIR|ID",
            description =
                    "A model folder, a hub id org/name, or a remote provider's model; default: the environment's MLX_MODEL,"
                            + " HF_MODEL, …")
    private @Nullable String model;

    /** Refuses a name that no provider has. */
    private static final class Name implements CommandLine.ITypeConverter<String> {
        private static final List<String> KNOWN = Stream.concat(
                        Stream.of("auto"), Arrays.stream(ProviderKind.values()).map(ProviderKind::id))
                .toList();

        @Override
        public String convert(String value) {
            if (!KNOWN.contains(value.strip().toLowerCase(Locale.ROOT))) {
                throw new CommandLine.TypeConversionException(
                        "'%s' is not one of %s".formatted(value, String.join(", ", KNOWN)));
            }
            return value;
        }
    }

    public ProviderFactory factory() {
        Map<String, String> settings = ProviderConfig.environment();
        if (provider != null) {
            settings.put("TASK_ORCHESTRATOR_PROVIDER", provider);
        }
        if (model != null) {
            String named = settings.getOrDefault("TASK_ORCHESTRATOR_PROVIDER", "")
                    .strip()
                    .toUpperCase(Locale.ROOT);
            String plain = named.isEmpty() || named.equals("AUTO") ? "MLX_MODEL" : named + "_MODEL";
            settings.keySet().removeIf(name -> name.startsWith(plain + "_")); // it is the model of every role
            settings.put(plain, model);
        }
        return ProviderFactory.create(ProviderConfig.fromEnv(settings));
    }
}
