package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** The providers that {@code mlx4j bench} measures, and their models. */
final class BenchProviders {

    private static final List<ProviderKind> LOCAL = List.of(ProviderKind.MLX, ProviderKind.HF, ProviderKind.OLLAMA);

    @Option(
            names = "--provider",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Providers to measure: all (default; mlx, hf, and Ollama if it responds and its model is set),"
                            + " or any of mlx, hf, ollama, openai and anthropic.")
    private List<String> names = List.of("all");

    @Option(
            names = "--model",
            paramLabel = "DIR|ID",
            description = "Model for mlx and hf, or for the only provider (default: MLX_MODEL," + " HF_MODEL, …).")
    private @Nullable String model;

    @Option(names = "--ollama-model", paramLabel = "NAME", description = "Model for Ollama (default: OLLAMA_MODEL).")
    private @Nullable String ollamaModel;

    /**
     * The providers to measure.
     *
     * @param subjects the providers, local ones first
     * @param leftOut the providers that can't be measured, with the reason
     */
    record Chosen(List<BenchModel> subjects, Map<String, String> leftOut) {}

    Chosen choose(CommandLine command, ProviderConfig config) {
        List<BenchModel> subjects = new ArrayList<>();
        Map<String, String> leftOut = new LinkedHashMap<>();
        Set<ProviderKind> kinds = kinds(command);
        for (ProviderKind kind : kinds) {
            String named = switch (kind) {
                case MLX -> model;
                case HF -> model == null ? null : modelOfHf(model, config);
                case OLLAMA -> ollamaModel != null ? ollamaModel : kinds.size() == 1 ? model : null;
                case OPENAI, ANTHROPIC -> kinds.size() == 1 ? model : null;
            };
            if (kind == ProviderKind.OLLAMA && named == null && !config.models().containsKey(kind)) {
                leftOut.put(kind.id(), "no model is set; use --ollama-model or OLLAMA_MODEL");
            } else {
                subjects.add(BenchModel.of(kind, named, config));
            }
        }
        return new Chosen(subjects, leftOut);
    }

    /**
     * Returns the hf counterpart of an mlx model: the registry's if it lists one, otherwise HF_MODEL, otherwise the
     * same model.
     */
    private static String modelOfHf(String model, ProviderConfig config) {
        return ModelRegistry.open(config.home())
                .hfCounterpart(model)
                .orElse(config.models().getOrDefault(ProviderKind.HF, model));
    }

    private Set<ProviderKind> kinds(CommandLine command) {
        Set<ProviderKind> kinds = new LinkedHashSet<>();
        for (String name : names) {
            String wanted = name.strip().toLowerCase(Locale.ROOT);
            if (wanted.equals("all")) {
                kinds.addAll(LOCAL);
            } else {
                kinds.add(Arrays.stream(ProviderKind.values())
                        .filter(kind -> kind.id().equals(wanted))
                        .findFirst()
                        .orElseThrow(() -> new CommandLine.ParameterException(
                                command, "--provider " + name + " is unknown; valid values are all, " + known())));
            }
        }
        Set<ProviderKind> ordered = new LinkedHashSet<>(Arrays.asList(ProviderKind.values()));
        ordered.retainAll(kinds);
        return ordered;
    }

    private static String known() {
        return String.join(
                ", ", Arrays.stream(ProviderKind.values()).map(ProviderKind::id).toList());
    }
}
