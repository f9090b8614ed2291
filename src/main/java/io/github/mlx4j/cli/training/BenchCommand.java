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

/** {@code mlx4j bench}: what a model takes here, of one provider beside another. */
@Command(
        name = "bench",
        description = {
            "Measures load time, speeds, time to first token and memory of a model, of one provider beside another.",
            "They run one after another, each in a worker of its own in every run. Let nothing else run meanwhile."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:it failed", "2:wrong usage", "3:no provider could be measured"})
public final class BenchCommand implements Callable<Integer> {

    @Mixin
    private final BenchProviders providers = new BenchProviders();

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            description = "About so many tokens a prompt; default ${DEFAULT-VALUE}.")
    private int promptTokens = 512;

    @Option(
            names = {"--max-tokens", "--max_tokens"},
            paramLabel = "N",
            description = "The most tokens of an answer, 2 or more; default ${DEFAULT-VALUE}.")
    private int maxTokens = 128;

    @Option(names = "--runs", paramLabel = "N", description = "How often; default ${DEFAULT-VALUE}.")
    private int runs = 3;

    @Option(
            names = "--power",
            description = "Measures power too: with macmon on a Mac, with the kernel's counters on Linux.")
    private boolean power;

    @Option(
            names = "--training",
            description = "Measures some steps of LoRA too, each time in a worker of its own; of mlx and hf only.")
    private boolean training;

    @Option(names = "--json", description = "Prints one JSON object instead of a table.")
    private boolean json;

    @Option(names = "--output", paramLabel = "FILE", description = "Writes the table, in Markdown, to a file too.")
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
            notes.add("Power is what " + sampler.source() + " tells of the whole machine during the answers.");
            return sampler;
        } catch (Mlx4jException error) {
            notes.add("Power: not measured. " + error.getMessage());
            return null;
        }
    }

    /** Before minutes pass: whether the file can be written, and is in none of the model folders. */
    private void checkOutput(List<BenchModel> subjects) throws IOException {
        if (output == null) {
            return;
        }
        Path folder = output.toAbsolutePath().normalize().getParent();
        if (folder == null || !Files.isDirectory(folder) || Files.isDirectory(output)) {
            throw new ConfigurationException(
                    "The table can't be written to " + output + ".", "Name a file in a folder that exists.");
        }
        for (BenchModel subject : subjects) {
            Path model = UserPath.of(subject.config().models().getOrDefault(subject.kind(), ""));
            if (!model.toString().isEmpty() && Files.isDirectory(model) && FileTree.isWithin(folder, model)) {
                throw new ConfigurationException(
                        "The table would be in " + folder + ", inside the model folder " + model + ".",
                        "Name a file elsewhere with --output.");
            }
        }
    }
}
