package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The options of a run.
 *
 * @param quick fewer repetitions
 * @param engines the engines to measure mlx4j on
 * @param model a folder or a hub ID
 * @param only the scenarios to run
 * @param out the folder of results
 * @param seed the seed for the order of arms and for the prompts
 * @param ollamaModel Ollama's model for a comparison, or {@code null}
 */
record Options(
        boolean quick,
        Set<ProviderKind> engines,
        String model,
        Set<String> only,
        Path out,
        long seed,
        @Nullable String ollamaModel) {

    static final List<String> SCENARIOS =
            List.of("start", "speed", "arrivals", "context", "latency", "turn", "stall", "beside", "cancel", "options");
    static final String USAGE = """
            Usage: scripts/bench [--quick] [--engine mlx|hf] [--model DIR|ID] [--only SCENARIO,…] [--out DIR] [--seed N]
                   [--ollama-model NAME]
            Scenarios: %s""".formatted(String.join(", ", SCENARIOS));

    /**
     * Parses a command line.
     *
     * @throws IllegalArgumentException if it is invalid
     */
    static Options parse(String... args) {
        boolean quick = false;
        Set<ProviderKind> engines = EnumSet.of(ProviderKind.MLX, ProviderKind.HF);
        String model = Fixture.MODEL.toString();
        Set<String> only = new LinkedHashSet<>(SCENARIOS);
        Path out = Path.of("target", "bench");
        long seed = System.nanoTime() % 1_000_000;
        String ollamaModel = null;
        Iterator<String> rest = Arrays.asList(args).iterator();
        while (rest.hasNext()) {
            String option = rest.next();
            if (option.equals("--quick")) {
                quick = true;
                continue;
            }
            if (!rest.hasNext()) {
                throw new IllegalArgumentException(option + " is unknown, or lacks its value");
            }
            String value = rest.next();
            switch (option) {
                case "--engine" -> engines = EnumSet.of(engine(value));
                case "--model" -> model = folderOrId(value);
                case "--only" -> only = scenarios(value);
                case "--out" -> out = Path.of(value);
                case "--seed" -> seed = seed(value);
                case "--ollama-model" -> ollamaModel = value;
                default -> throw new IllegalArgumentException(option + " is unknown");
            }
        }
        return new Options(quick, engines, model, only, out, seed, ollamaModel);
    }

    /** Returns whether the model is the small one in this repository, for which the gates are defined. */
    boolean isFixture() {
        return model.equals(Fixture.MODEL.toString());
    }

    private static String folderOrId(String model) {
        Path folder = Path.of(model);
        return Files.isDirectory(folder) ? folder.toAbsolutePath().normalize().toString() : model;
    }

    private static ProviderKind engine(String name) {
        return switch (name) {
            case "mlx" -> ProviderKind.MLX;
            case "hf" -> ProviderKind.HF;
            default -> throw new IllegalArgumentException("--engine must be mlx or hf, not " + name);
        };
    }

    private static long seed(String value) {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException wrong) {
            throw new IllegalArgumentException("--seed must be a whole number, not " + value, wrong);
        }
    }

    private static Set<String> scenarios(String names) {
        Set<String> wanted = new LinkedHashSet<>(List.of(names.split(",")));
        if (!SCENARIOS.containsAll(wanted)) {
            wanted.removeAll(SCENARIOS);
            throw new IllegalArgumentException("--only: no such scenario: " + String.join(", ", wanted));
        }
        if (wanted.contains("cancel")) {
            wanted.add("stall"); // it measures the prefill chunk of the worker
        }
        return wanted;
    }
}
