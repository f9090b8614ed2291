package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.threads.Daemons;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.model.ModelFormat;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.Problem;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Checks whether the workers can load a model folder. Each answer comes from the worker's own loader, running in a
 * separate process. The loader goes through all of its steps without reading weights, without a GPU, and in little
 * memory, and it runs no code from the folder. It does not find faults that only the weights' values show, such as NaN.
 * Thread-safe.
 */
public final class LoadCheck {

    /** Time limit for one worker, from its start to its answer. */
    public static final Duration MAX_TIME = Duration.ofMinutes(2);

    private static final Map<ProviderKind, WorkerScripts> SCRIPTS = Map.of(
            ProviderKind.MLX, new BundledScripts("mlx_worker.py"),
            ProviderKind.HF, new BundledScripts("hf_worker.py"));

    private final Map<ProviderKind, Supplier<Availability>> probes;
    private final Map<ProviderKind, WorkerScripts> scripts;
    private final SandboxMode sandbox;
    private final Duration mostTime;

    /**
     * Creates a check. No worker is started yet.
     *
     * @param probes the workers to ask
     * @param sandbox how the workers are restricted
     */
    public LoadCheck(Map<ProviderKind, WorkerProbe> probes, SandboxMode sandbox) {
        this(availability(probes), SCRIPTS, sandbox, MAX_TIME);
    }

    LoadCheck(
            Map<ProviderKind, Supplier<Availability>> probes,
            Map<ProviderKind, WorkerScripts> scripts,
            SandboxMode sandbox,
            Duration mostTime) {
        this.probes = new LinkedHashMap<>(probes);
        this.scripts = Map.copyOf(scripts);
        this.sandbox = sandbox;
        this.mostTime = mostTime;
    }

    private static Map<ProviderKind, Supplier<Availability>> availability(Map<ProviderKind, WorkerProbe> probes) {
        Map<ProviderKind, Supplier<Availability>> found = new LinkedHashMap<>();
        probes.forEach((worker, probe) -> found.put(worker, probe::check));
        return found;
    }

    /**
     * Asks all workers in parallel.
     *
     * @param model the folder, as inspected by {@link io.github.mlx4j.model.ModelInspector}
     * @param options only the adapter, the base model, the expert, and the permission to read pickles are used; all
     *     other options are ignored
     * @return one verdict per worker, in the order of the probes
     * @throws CancelledException if the thread is interrupted
     */
    public List<Verdict> check(ModelInspection model, LoadConfig options) {
        List<FutureTask<Verdict>> tasks = probes.entrySet().stream()
                .map(worker -> new FutureTask<>(verdict(worker.getKey(), worker.getValue(), model, options)))
                .toList();
        tasks.forEach(task -> Daemons.start("mlx4j-load-check", task));
        try {
            return withoutVainHints(tasks.stream().map(LoadCheck::await).toList());
        } finally {
            tasks.forEach(task -> task.cancel(true));
        }
    }

    /** Replaces hints that recommend the other worker if that worker refuses the model too. */
    private static List<Verdict> withoutVainHints(List<Verdict> all) {
        return all.stream()
                .map(verdict -> all.stream()
                        .filter(other -> isRefused(verdict) && isRefused(other) && names(verdict.fix(), other))
                        .findFirst()
                        .map(other -> Verdict.refused(
                                verdict.provider(), verdict.code(), verdict.reason(), alsoRefused(other, verdict)))
                        .orElse(verdict))
                .toList();
    }

    private static boolean isRefused(Verdict verdict) {
        return verdict.outcome() == Verdict.Outcome.REFUSED;
    }

    private static boolean names(String hint, Verdict worker) {
        return hint.contains(worker.provider().id() + " worker");
    }

    private static String alsoRefused(Verdict other, Verdict verdict) {
        String hint = names(other.fix(), verdict) ? "" : " " + other.fix();
        return ("The %s worker can't load it either: %s"
                                .formatted(other.provider().id(), other.reason())
                        + hint)
                .strip();
    }

    private static Verdict await(FutureTask<Verdict> task) {
        try {
            return task.get();
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The thread that waited for the verdicts was interrupted.", "");
        }
    }

    private Callable<Verdict> verdict(
            ProviderKind worker, Supplier<Availability> probe, ModelInspection model, LoadConfig options) {
        return () -> {
            if (model.format() == ModelFormat.GGUF || model.format() == ModelFormat.UNKNOWN) {
                Problem none = model.problems().get(0); // there is nothing for a loader to check
                return Verdict.refused(worker, none.code(), none.what(), none.fix());
            }
            Availability found = probe.get();
            return found instanceof Availability.Ready ready
                    ? ask(worker, ready, model.folder(), options)
                    : notAvailable(worker, found);
        };
    }

    private static Verdict notAvailable(ProviderKind worker, Availability found) {
        return found instanceof Availability.Unavailable not
                ? Verdict.notJudged(worker, not.reason(), not.fix())
                : Verdict.notJudged(
                        worker, "This provider has no worker that can load a model folder.", "Use mlx or hf.");
    }

    private Verdict ask(ProviderKind worker, Availability.Ready python, Path folder, LoadConfig options) {
        Sandbox rules = new Sandbox(sandbox.id(), false, List.of(), null);
        WorkerScripts script = Objects.requireNonNull(scripts.get(worker), worker::id);
        WorkerLaunch launch = WorkerLaunch.of(worker, python.command(), script, false, null, rules);
        Load.InspectOptions loaded = new Load.InspectOptions(
                text(options.adapter()),
                options.base(),
                options.expert(),
                options.allowPickles() && worker == ProviderKind.HF ? true : null);
        WorkerCall<Load.Inspected> call = Load.inspect(
                Load.Params.<Load.InspectOptions>of(absolute(folder), true).with(loaded));
        try (SerialWorker process = SerialWorker.start(launch, WorkerLimits.STANDARD)) {
            return verdict(worker, call, process.ask(call.raw(), mostTime));
        } catch (Mlx4jException failure) {
            return switch (failure.fault()) {
                case ENDED -> throw failure;
                case BACKEND -> Verdict.notJudged(worker, failure.reason(), failure.hint());
                case CALLER, MODEL, SETUP -> Verdict.refused(worker, failure.code(), failure.reason(), failure.hint());
            };
        }
    }

    private static Verdict verdict(ProviderKind worker, WorkerCall<Load.Inspected> call, JsonNode answer) {
        Optional<Load.Missing> missing = Load.Missing.in(answer);
        if (missing.isPresent()) {
            String id = missing.get().source();
            return Verdict.notJudged(
                    worker,
                    "It needs the base model %s, which is not on this machine.".formatted(id),
                    "Download it with `mlx4j models pull %s`; loading the model also downloads it.".formatted(id));
        }
        Load.Inspected found = call.read(answer);
        List<String> versions = new TreeMap<>(found.packages())
                .entrySet().stream()
                        .map(one -> one.getKey() + " " + one.getValue())
                        .toList();
        boolean reranks = found.capabilities().contains("rerank");
        return Verdict.loads(worker, String.join(", ", versions), found.embeddings(), reranks, found.warnings());
    }

    private static @Nullable String text(@Nullable Path path) {
        return path == null ? null : absolute(path);
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }
}
