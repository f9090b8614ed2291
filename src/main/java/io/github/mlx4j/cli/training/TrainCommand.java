package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.Trainer;
import io.github.mlx4j.training.TrainingReport;
import io.github.mlx4j.training.TrainingRun;
import io.github.mlx4j.training.config.BatchSizing;
import io.github.mlx4j.training.config.TrainingConfig;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mlx4j train}: starts a training run or resumes it from its newest checkpoint. */
@Command(
        name = "train",
        description = {
            "Fine-tune a model or train an adapter, and keep the run in a folder.",
            "Ctrl-C writes a checkpoint and stops; --resume continues from the last checkpoint."
        },
        mixinStandardHelpOptions = true)
public final class TrainCommand implements Callable<Integer> {

    /** How long the shutdown waits for the last checkpoint. */
    private static final int END_TIMEOUT_SECONDS = 120;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Target target;

    /** A new run or an existing one. */
    private static final class Target {
        @Option(names = "--output", paramLabel = "DIR", description = "Folder for a new run.")
        private @Nullable Path output;

        @Option(
                names = "--resume",
                paramLabel = "DIR",
                description = "Folder of a run to resume; other options must not change the" + " training.")
        private @Nullable Path resume;
    }

    @Option(names = "--model", paramLabel = "DIR|ID", description = "Model to train: a folder or a hub id.")
    private @Nullable String model;

    @Mixin
    private final TrainingOptions training = new TrainingOptions();

    @Option(
            names = "--validate-every",
            paramLabel = "N",
            description = "Also validate every N steps, not only before the first and after the last step.")
    private @Nullable Integer validateEvery;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N",
            description = "Write a checkpoint every N steps; 0 only after the last step (default: 100).")
    private @Nullable Integer checkpointEvery;

    @Option(names = "--keep-checkpoints", paramLabel = "N", description = "Keep the N newest checkpoints (default: 3).")
    private @Nullable Integer keepCheckpoints;

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "Stop early after N validations without improvement and use the best checkpoint.")
    private @Nullable Integer patience;

    @Option(
            names = "--min-delta",
            paramLabel = "X",
            description = "With --patience: minimum decrease of the loss that counts as an improvement (default: 0).")
    private @Nullable Double minDelta;

    @Option(
            names = "--backend",
            paramLabel = "auto|mlx|hf",
            description = "Worker to use; auto (default) is mlx, or hf if mlx can't train the model.")
    private TrainingProviders.@Nullable Backend backend;

    @Option(names = "--json", description = "Print report.json at the end instead of a summary.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final Supplier<ProviderConfig> environment;

    /** Creates the command; called by picocli. */
    TrainCommand() {
        this(TrainingProviders::fromEnv);
    }

    TrainCommand(Supplier<ProviderConfig> environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        ProviderConfig providers = environment.get();
        PrintWriter err = spec.commandLine().getErr();
        TrainingRun run = run();
        if (target.resume == null && !training.hasBatchSize()) {
            run = withBatchThatFits(run, BatchSizing.of(providers, run.model(), run.backend()), err);
        }
        TrainingOutput news = new TrainingOutput(err, new OptionNames(spec), CommandLine.Help.Ansi.AUTO.enabled());
        Trainer trainer =
                target.resume == null ? new Trainer(providers, run, news) : Trainer.resume(providers, run, news);
        CountDownLatch finished = new CountDownLatch(1);
        Thread atEnd = new Thread(() -> end(trainer, finished), "mlx4j-train-end");
        Runtime.getRuntime().addShutdownHook(atEnd);
        try {
            TrainingReport report = trainer.run();
            news.end();
            print(report, run.folder());
            return 0;
        } catch (Mlx4jException failure) {
            news.end();
            if (Files.isDirectory(run.folder().resolve("checkpoints"))) {
                err.println("You can resume the run: mlx4j train --resume " + run.folder());
            }
            throw failure;
        } finally {
            finished.countDown();
            forget(atEnd);
        }
    }

    /** Returns the run that the options describe. */
    TrainingRun run() {
        TrainingRun.Builder builder;
        if (target.resume != null) {
            if (training.hasFile()) {
                throw new CommandLine.ParameterException(
                        spec.commandLine(),
                        "--config can't be combined with --resume, which uses the configuration of the run");
            }
            TrainingRun before = TrainingRun.in(target.resume);
            builder = before.toBuilder().training(training.config(before.training(), spec));
            set(model, builder::model);
        } else if (target.output == null || model == null) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--model is required");
        } else {
            builder = TrainingRun.builder(model, training.config(null, spec), target.output);
        }
        set(validateEvery, builder::validateEvery);
        set(checkpointEvery, builder::checkpointEvery);
        set(keepCheckpoints, builder::keepCheckpoints);
        set(patience, builder::patience);
        set(minDelta, builder::minDelta);
        ProviderKind wanted = backend == null ? null : backend.kind();
        set(wanted, builder::backend);
        return new Usage(spec).of(builder::build);
    }

    /**
     * Returns the run with the default batch size, or with a smaller one and more accumulation if the default does not
     * fit.
     */
    static TrainingRun withBatchThatFits(TrainingRun run, BatchSizing sizing, PrintWriter err) {
        TrainingConfig fitting = sizing.fit(run.training());
        if (fitting.batchSize() != run.training().batchSize()) {
            err.printf(
                    "batch size %d with accumulation %d, because a batch of %d may not fit into memory: %s%n",
                    fitting.batchSize(),
                    fitting.accumulation(),
                    run.training().batchSize(),
                    sizing.arithmetic(run.training()));
        }
        return run.toBuilder().training(fitting).build();
    }

    private static <T> void set(@Nullable T value, Consumer<T> field) {
        if (value != null) {
            field.accept(value);
        }
    }

    /** Writes a checkpoint on shutdown, ends the run, and reports the result. */
    private static void end(Trainer trainer, CountDownLatch finished) {
        trainer.cancel();
        try {
            finished.await(END_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            // the main thread waits for this one, which has finished
        }
    }

    private void print(TrainingReport report, Path folder) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(report.toJson());
            return;
        }
        out.println(report.verdict());
        report.validations()
                .forEach(at -> out.println(String.format(
                        Locale.ROOT,
                        "validation after %d steps: loss %.4f, perplexity %.3f",
                        at.step(),
                        at.loss(),
                        at.perplexity())));
        OptionNames names = new OptionNames(spec);
        report.warnings().forEach(warning -> out.println("warning: " + names.in(warning)));
        if (report.result() != null) {
            out.printf("result: %s (of step %d)%n", report.result(), report.resultStep());
        } else {
            out.println("to resume: mlx4j train --resume " + folder);
        }
        out.println("report: " + folder.resolve("report.html"));
    }
}
