package io.github.mlx4j.cli.environment;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.environment.Installation;
import io.github.mlx4j.environment.InstallationCheck;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j verify-install}: checks a worker's Python environment step by step. */
@Command(
        name = "verify-install",
        description = "Check a worker's Python environment step by step, and explain how to fix" + " what fails.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:all steps passed", "1:a step failed", "2:invalid usage", "3:no interpreter found"})
public final class VerifyInstallCommand implements Callable<Integer> {

    @Parameters(arity = "0..1", paramLabel = "mlx|hf", description = "Worker to check (default: ${DEFAULT-VALUE}).")
    private WorkerKind worker = WorkerKind.MLX;

    @Option(
            names = "--python",
            paramLabel = "PATH",
            description =
                    "Python interpreter, as a path or a name on the PATH (default: the one that would run the worker).")
    private @Nullable String python;

    @Option(
            names = "--model",
            paramLabel = "DIR|ID",
            description = "Also load this model and generate up to 10 tokens.")
    private @Nullable String model;

    @Option(
            names = "--run",
            paramLabel = "COMMAND",
            description =
                    "Also run this command, such as your tests, with sh in the working directory. Its output goes to"
                            + " standard error.")
    private @Nullable String command;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        ProviderConfig.Builder builder = ProviderConfig.fromEnv().toBuilder();
        if (python != null) {
            builder.setting("MLX4J_" + worker.name() + "_PYTHON", python);
        }
        ProviderConfig config = builder.build();
        Interpreters interpreters = config.interpretersOf(worker.kind());
        if (python != null) {
            interpreters = new Interpreters(python, "--python", interpreters.home(), interpreters.folders());
        }
        Installation found = new InstallationCheck(
                        worker.kind(),
                        Platform.current(),
                        config.allowAnyPlatform(),
                        interpreters,
                        InstallationCheck.PATIENCE)
                .run();
        if (model != null) {
            found = found.with(GenerationCheck.generating(model, worker, config, found));
        }
        if (command != null) {
            found = found.with(
                    GenerationCheck.running(command, spec.commandLine().getErr()::println));
        }
        print(found, spec.commandLine().getOut());
        return found.passed() ? 0 : found.interpreter() == null ? ExitCode.NOTHING_AVAILABLE : ExitCode.FAILED;
    }

    private void print(Installation found, PrintWriter out) throws Exception {
        if (json) {
            Map<String, Object> report = new LinkedHashMap<>();
            report.put("worker", found.worker().id());
            report.put(
                    "interpreter",
                    found.interpreter() == null ? null : found.interpreter().toString());
            report.put("passed", found.passed());
            report.put("versions", new TreeMap<>(found.versions()));
            report.put("steps", found.steps());
            out.println(Json.text(report));
            return;
        }
        for (Installation.Step step : found.steps()) {
            String status = step.status() == Installation.Status.FAILED
                    ? "FAILED"
                    : step.status().text();
            String time = step.ms() > 0 ? String.format(Locale.ROOT, "%.0f ms", step.ms()) : "";
            out.println("%-8s %9s  %s%s"
                    .formatted(status, time, step.name(), step.detail().isEmpty() ? "" : ": " + step.detail()));
            if (!step.fix().isEmpty()) {
                out.println(" ".repeat(20) + "What to do: " + step.fix());
            }
        }
        out.println(
                found.passed() ? "passed: the " + found.worker().id() + " worker can run here" : "FAILED: see above");
    }
}
