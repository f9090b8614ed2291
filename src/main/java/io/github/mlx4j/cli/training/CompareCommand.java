package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.adapter.LoadCheck;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.cli.output.Progress;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.compare.CodeRunner;
import io.github.mlx4j.compare.ComparisonConfig;
import io.github.mlx4j.compare.ComparisonReport;
import io.github.mlx4j.compare.EvaluationTask;
import io.github.mlx4j.compare.ModelComparison;
import io.github.mlx4j.compare.TaskSet;
import io.github.mlx4j.compare.Variant;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.port.ModelDetails;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mlx4j compare}: compares a base model with the model trained from it, on the same tasks. */
@Command(
        name = "compare",
        description = {
            "Run the same tasks on a base model and on the model trained from it, and report what changed.",
            "The models run one after the other, base first. An interrupted run resumes where it stopped."
        },
        mixinStandardHelpOptions = true)
public final class CompareCommand implements Callable<Integer> {

    @Option(
            names = "--base",
            paramLabel = "DIR|ID",
            description = "Base model (default: the one that the trained model's config names).")
    private @Nullable String base;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Trained trained;

    /** The trained model. */
    private static final class Trained {
        @Option(
                names = {"--trained", "--trained-model", "--trained_model"},
                paramLabel = "DIR|ID",
                description = "Trained model, or an adapter for the base model.")
        private @Nullable String folder;

        @Option(
                names = {"--wandb-artifact", "--wandb_artifact"},
                paramLabel = "ENTITY/PROJECT/NAME:VERSION",
                description =
                        "Download the trained model from Weights & Biases, a remote service. In the artifact, the folder"
                                + " best_model is the model; without one, the only model folder.")
        private @Nullable String artifact;
    }

    @Option(
            names = "--expert",
            paramLabel = "NAME",
            description = "Expert to use if the trained model is a DyLoRA-MoE.")
    private @Nullable String expert;

    @Option(
            names = {"--trained-base", "--trained_base"},
            paramLabel = "DIR|ID",
            description = "Base model of the trained model, overriding the one that it names.")
    private @Nullable String trainedBase;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Convert the weights of both to bfloat16, float16 or float32 (default: as stored).")
    private @Nullable Dtype dtype;

    @Option(
            names = "--tasks",
            paramLabel = "FILE",
            description = "Tasks, one JSON object per line (default: the built-in tasks).")
    private @Nullable Path tasks;

    @Option(
            names = {"--allow-code", "--allow_code"},
            description = "Run the Python code that the models write for tasks with function tests, in a sandbox."
                    + " Without it, these tasks are reported as not run.")
    private boolean allowCode;

    @Option(
            names = {"--max-samples", "--max_samples"},
            paramLabel = "N",
            description = "Run only the first N tasks.")
    private int maxSamples = Integer.MAX_VALUE;

    @Option(
            names = {"--max-tokens", "--max_tokens"},
            paramLabel = "N",
            description =
                    "Maximum tokens of an answer, for tasks that set no limit of their own; the built-in tasks all"
                            + " do. Default: ${DEFAULT-VALUE}.")
    private int maxTokens = 256;

    @Option(
            names = "--backend",
            paramLabel = "mlx|hf",
            description =
                    "The worker that runs both models. Default: the first of mlx and hf that loads the trained one.")
    private @Nullable WorkerKind backend;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description =
                    "Folder for results and reports (default: mlx4j-compare-… in the working directory, named by the settings).")
    private @Nullable Path out;

    @Option(names = "--json", description = "Print report.json instead of a table.")
    private boolean json;

    @Option(
            names = {"--wandb-python", "--wandb_python"},
            paramLabel = "PATH",
            description = "Python interpreter with wandb installed (default: PYTHON_PATH, or the first python3 found).")
    private @Nullable String wandbPython;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final OpenModel.Opener opener;
    private final TrainedModel.Judge judge;
    private final Function<WorkerKind, CodeRunner> runners;

    /** Creates the command; called by picocli. */
    CompareCommand() {
        this(OpenModel::withWorker, CompareCommand::check, CompareCommand::runner);
    }

    CompareCommand(OpenModel.Opener opener, TrainedModel.Judge judge, Function<WorkerKind, CodeRunner> runners) {
        this.opener = opener;
        this.judge = judge;
        this.runners = runners;
    }

    private static Verdict check(WorkerKind engine, ModelInspection model, LoadConfig options) {
        ProviderConfig config = ProviderConfig.fromEnv();
        return new LoadCheck(
                        Map.of(engine.kind(), config.probe(engine.kind())),
                        config.workers().sandbox())
                .check(model, options)
                .get(0);
    }

    /** Returns a runner that executes code with the worker's Python. */
    private static CodeRunner runner(WorkerKind engine) {
        Availability found = ProviderConfig.fromEnv().probe(engine.kind()).check();
        if (found instanceof Availability.Ready python) {
            return CodeRunner.start(python.command());
        }
        Availability.Unavailable not = (Availability.Unavailable) found;
        throw new DependencyMissingException("No Python interpreter to run code with: " + not.reason(), not.fix());
    }

    @Override
    public Integer call() throws Exception {
        if (maxSamples < 1 || maxTokens < 1) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--max-samples and --max-tokens must be 1 or more");
        }
        if (wandbPython != null && trained.artifact == null) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--wandb-python requires --wandb-artifact");
        }
        TaskSet set = tasks == null ? TaskSet.builtIn() : TaskSet.read(tasks);
        List<EvaluationTask> all = set.tasks();
        if (base != null) {
            mustExist(base);
        }
        if (trainedBase != null) {
            mustExist(trainedBase);
        }
        PrintWriter err = spec.commandLine().getErr();
        TrainedModel made = TrainedModel.of(trained(), ProviderConfig.environment());
        String other = made.name();
        boolean adapter = made.isAdapter();
        if (adapter && (expert != null || trainedBase != null)) {
            throw new InvalidRequestException(
                    other + " is an adapter, which has no experts and is applied to the model of --base.",
                    "Omit --expert and --trained-base.");
        }
        String base = base(made, err);
        OptionNames names = new OptionNames(spec);
        WorkerKind engine = made.engine(
                backend,
                judge,
                options(adapter ? base : trainedBase),
                note -> err.println("compare: " + names.in(note)));
        ComparisonConfig settings = ComparisonConfig.of(
                        base, other, adapter, engine.kind().id(), set, Math.min(maxSamples, all.size()), maxTokens)
                .toBuilder()
                .expert(expert)
                .trainedBase(trainedBase)
                .dtype(dtype == null ? null : dtype.id())
                .allowCode(allowCode)
                .build();
        Path folder = out != null ? out : Path.of("mlx4j-compare-" + settings.digest());
        for (String model : List.of(settings.base(), settings.trained())) {
            if (Files.isDirectory(UserPath.of(model)) && FileTree.isWithin(folder, UserPath.of(model))) {
                throw new ConfigurationException(
                        "The results would be in " + folder + ", inside the model folder " + model + ".",
                        "Specify another folder with --out.");
            }
        }
        ComparisonReport report;
        try (CodeRunner code = allowCode ? runners.apply(engine) : null;
                ModelComparison comparison = code == null
                        ? ModelComparison.open(folder, settings, all)
                        : ModelComparison.open(folder, settings, all, code)) {
            if (comparison.notRun() > 0) {
                err.printf(
                        "compare: %d tasks with Python code are skipped without --allow-code%n", comparison.notRun());
            }
            LoadConfig stored = LoadConfig.builder().dtype(dtype).build();
            run(comparison, Variant.BASE, new OpenModel.Source("base", base, engine, stored));
            LoadConfig.Builder options = stored.toBuilder();
            run(
                    comparison,
                    Variant.TRAINED,
                    adapter
                            ? new OpenModel.Source(
                                    "trained",
                                    base,
                                    engine,
                                    options.adapter(UserPath.of(other)).build())
                            : new OpenModel.Source(
                                    "trained",
                                    other,
                                    engine,
                                    options.expert(expert).base(trainedBase).build()));
            report = comparison.report();
        }
        PrintWriter print = spec.commandLine().getOut();
        print.println(json ? Json.text(report) : report.summary());
        (json ? err : print)
                .println("report: " + folder.resolve("report.html") + ", with report.md and report.json next to it");
        return 0;
    }

    /** Returns the trained model's folder or hub id; downloads the artifact first if one is specified. */
    private String trained() {
        if (trained.artifact == null) {
            String folder = Objects.requireNonNull(trained.folder, "--trained");
            mustExist(folder);
            return folder;
        }
        Map<String, String> environment = ProviderConfig.environment();
        String fallback = environment.getOrDefault("PYTHON_PATH", "");
        String named = wandbPython != null ? wandbPython : fallback.isBlank() ? null : fallback;
        Path home = ProviderConfig.fromEnv(environment).home();
        Path python = new Interpreters(named, "--wandb_python", home, ProgramFolders.current())
                .first()
                .orElseThrow(() -> new DependencyMissingException(
                        "There is no Python" + (named == null ? "" : " at " + named)
                                + " to download the artifact with.",
                        "Specify one that has wandb installed with --wandb_python."));
        String wanted = trained.artifact;
        Path artifact = new Usage(spec)
                .of(() -> WandbArtifact.parse(wanted))
                .download(
                        home.resolve("artifacts"),
                        python.toString(),
                        environment,
                        spec.commandLine().getErr()::println);
        return ArtifactFolder.model(artifact, trained.artifact).toString();
    }

    private String base(TrainedModel model, PrintWriter err) {
        if (base != null) {
            return base;
        }
        TrainedModel.Base named = model.base();
        mustExist(named.name());
        err.printf("compare: the base model is %s (%s of the trained model)%n", named.name(), named.foundIn());
        return named.name();
    }

    /** Returns the load options for checking the trained model. */
    private LoadConfig options(@Nullable String base) {
        LoadConfig options = LoadConfig.DEFAULT;
        if (base != null) {
            Path folder = UserPath.of(base);
            options = options.toBuilder()
                    .base(Files.isDirectory(folder) ? folder.toAbsolutePath().toString() : base)
                    .build();
        }
        return expert == null ? options : options.toBuilder().expert(expert).build();
    }

    /** Checks before anything runs that a folder exists. Hub ids are resolved on load. */
    private static void mustExist(String model) {
        if (!Files.isDirectory(UserPath.of(model)) && !model.matches("[\\w-][\\w.-]*/[\\w.-]+")) {
            throw new ModelNotFoundException(
                    "The folder " + model + " does not exist.", "Specify a model folder or a hub id.");
        }
    }

    /** Rejects an adapter that names its own base model; before the load, only a local folder reveals that. */
    private static void mustBeWhole(OpenModel.Source source, ModelDetails details) {
        if (source.options().adapter() == null && details.format().endsWith("Adapter")) {
            throw new InvalidRequestException(
                    source.model() + " is an adapter, which would be applied not to the model of --base but to "
                            + details.base().orElse("another model") + ".",
                    "Download it, for example with `hf download %s`, and specify its folder with --trained."
                            .formatted(source.model()));
        }
    }

    private void run(ModelComparison comparison, Variant arm, OpenModel.Source source) {
        int total = comparison.tasks().size();
        int missing = comparison.missing(arm).size();
        PrintWriter err = spec.commandLine().getErr();
        if (missing == 0) {
            err.printf("%s: all %d tasks were already done%n", arm.id(), total);
            return;
        }
        if (missing < total) {
            err.printf("%s: %d of %d tasks were already done%n", arm.id(), total - missing, total);
        }
        try (OpenModel model = opener.open(source)) {
            ModelDetails details = model.side().analysis().details();
            if (arm == Variant.TRAINED) {
                mustBeWhole(source, details);
            }
            err.printf(
                    "%s: %s on %s, %s%n",
                    arm.id(),
                    details.backend().provider().id(),
                    details.backend().device(),
                    details.dtype());
            OptionNames names = new OptionNames(spec);
            details.warnings().forEach(warning -> err.printf("%s: warning: %s%n", arm.id(), names.in(warning)));
            Progress progress = new Progress(
                    err,
                    CommandLine.Help.Ansi.AUTO.enabled(),
                    arm.id() + " tasks",
                    total - missing,
                    total,
                    System::nanoTime);
            try {
                comparison.run(arm, model.side(), finished -> progress.step());
            } finally {
                progress.end();
            }
        }
    }
}
