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

/** Which providers {@code mlx4j bench} measures, and with which model. */
final class BenchProviders {

    private static final List<ProviderKind> LOCAL = List.of(ProviderKind.MLX, ProviderKind.HF, ProviderKind.OLLAMA);

    @Option(
            names = "--provider",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Whom to measure: all (mlx, hf, and Ollama if it answers and its model is named; the default),"
                            + " or some of mlx, hf, ollama, openai, anthropic.")
    private List<String> names = List.of("all");

    @Option(
            names = "--model",
            paramLabel = "DIR|ID",
            description = "The model of mlx and hf, or of the only provider; default: the environment's MLX_MODEL,"
                    + " HF_MODEL, …")
    private @Nullable String model;

    @Option(
            names = "--ollama-model",
            paramLabel = "NAME",
            description = "The model that Ollama has for this; default: the environment's OLLAMA_MODEL.")
    private @Nullable String ollamaModel;

    /**
     * Who is measured.
     *
     * @param subjects the providers, those with a worker first
     * @param leftOut those that can't be, with the reason
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
                leftOut.put(kind.id(), "no model of it is named; name one with --ollama-model, or in OLLAMA_MODEL");
            } else {
                subjects.add(BenchModel.of(kind, named, config));
            }
        }
        return new Chosen(subjects, leftOut);
    }

    /** What stands for a model of mlx in transformers, where that is known; else HF_MODEL, else the same. */
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
                                command, "--provider " + name + " is unknown; it is all, " + known())));
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
