package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.bench.BenchConfig;
import io.github.mlx4j.bench.BenchReport;
import io.github.mlx4j.bench.BenchResult;
import io.github.mlx4j.bench.ModelBench;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.PowerSampler;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mlx4j bench}: speed and memory of a model on each provider. */
@Command(
        name = "bench",
        description = {
            "Measure load time, speed, time to first token and memory of a model on one or more providers.",
            "Providers run one after another, each with a new worker per run. Run nothing else meanwhile."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:success", "1:failed", "2:invalid usage", "3:no provider could be measured"})
public final class BenchCommand implements Callable<Integer> {

    @Mixin
    private final BenchProviders providers = new BenchProviders();

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            description = "Approximate prompt length, in tokens (default: ${DEFAULT-VALUE}).")
    private int promptTokens = 512;

    @Option(
            names = {"--max-tokens", "--max_tokens"},
            paramLabel = "N",
            description = "Maximum number of generated tokens, at least 2 (default: ${DEFAULT-VALUE}).")
    private int maxTokens = 128;

    @Option(names = "--runs", paramLabel = "N", description = "Number of runs (default: ${DEFAULT-VALUE}).")
    private int runs = 3;

    @Option(
            names = "--power",
            description = "Also measure power: with macmon on macOS, with the kernel's RAPL counters on Linux.")
    private boolean power;

    @Option(
            names = "--training",
            description = "Also measure some LoRA training steps, each time in a new worker (mlx and hf only).")
    private boolean training;

    @Option(names = "--json", description = "Print one JSON object instead of a table.")
    private boolean json;

    @Option(names = "--output", paramLabel = "FILE", description = "Also write the table to a file, in Markdown.")
    private @Nullable Path output;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (promptTokens < 1 || maxTokens < 2 || runs < 1) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--prompt-tokens and --runs must be 1 or more, --max-tokens 2 or more");
        }
        BenchProviders.Chosen chosen = providers.choose(spec.commandLine(), ProviderConfig.fromEnv());
        checkOutput(chosen.subjects());
        BenchConfig settings = new BenchConfig(promptTokens, maxTokens, runs, training);
        Map<String, String> about = BenchMachine.describe(new DeviceManager());
        List<String> notes = new ArrayList<>();
        BenchReport report;
        try (PowerSampler sampler = sampler(notes)) {
            BenchResult found = new ModelBench(
                            settings,
                            chosen.subjects(),
                            sampler,
                            System::nanoTime,
                            spec.commandLine().getErr()::println)
                    .run();
            Map<String, String> missing = new LinkedHashMap<>(found.missing());
            missing.putAll(chosen.leftOut());
            report = new BenchReport(about, new BenchResult(settings, found.measured(), missing), notes);
        }
        spec.commandLine()
                .getOut()
                .print(json ? Json.text(report.asMap()) + System.lineSeparator() : report.markdown());
        spec.commandLine().getOut().flush();
        if (output != null) {
            Files.writeString(output, report.markdown());
        }
        return report.result().measured().isEmpty() ? ExitCode.NOTHING_AVAILABLE : 0;
    }

    private @Nullable PowerSampler sampler(List<String> notes) {
        if (!power) {
            return null;
        }
        try {
            PowerSampler sampler = new DeviceManager().powerSampler();
            notes.add("Power is measured by " + sampler.source() + " for the whole machine during generation.");
            return sampler;
        } catch (Mlx4jException error) {
            notes.add("Power: not measured. " + error.getMessage());
            return null;
        }
    }

    /** Checks early that the file can be written and is not in a model folder. */
    private void checkOutput(List<BenchModel> subjects) throws IOException {
        if (output == null) {
            return;
        }
        Path folder = output.toAbsolutePath().normalize().getParent();
        if (folder == null || !Files.isDirectory(folder) || Files.isDirectory(output)) {
            throw new ConfigurationException(
                    "The table can't be written to " + output + ".", "Specify a file in an existing folder.");
        }
        for (BenchModel subject : subjects) {
            Path model = UserPath.of(subject.config().models().getOrDefault(subject.kind(), ""));
            if (!model.toString().isEmpty() && Files.isDirectory(model) && FileTree.isWithin(folder, model)) {
                throw new ConfigurationException(
                        "The table would be in " + folder + ", inside the model folder " + model + ".",
                        "Specify another location with --output.");
            }
        }
    }
}
