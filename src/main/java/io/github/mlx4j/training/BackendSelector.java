package io.github.mlx4j.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.json.TrainingJson;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.Training;
import io.github.mlx4j.internal.worker.LoadLoop;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.BatchSizing;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Opens a training session on the first backend that can run it: mlx, then transformers (on MPS, CUDA or the CPU).
 * Tries the next backend if one can't run here, can't load the model, doesn't support the configuration, or its worker
 * ends. Stops at errors that would be the same on every backend, such as a malformed line of data.
 */
final class BackendSelector extends LoadLoop<BackendSelector.Opened> {

    /**
     * Minimum hang timeout: a step of a large model or a checkpoint may take long, and progress is reported only after
     * each micro-batch.
     */
    private static final Duration MIN_SILENCE = Duration.ofMinutes(30);

    private final ProviderConfig providers;
    private final String model;
    private final TrainingConfig config;
    private final @Nullable List<Path> outputs;
    private final Map<String, String> environment;
    private final Consumer<Progress> onProgress;

    /**
     * An open training session.
     *
     * @param worker the session's worker
     * @param info what is trained
     * @param warning a warning that the batch may not fit into memory; empty if it fits or that is unknown
     */
    record Opened(SerialWorker worker, TrainingInfo info, Optional<String> warning) {}

    /**
     * Creates a selector. {@code environment} contains the user's hub token. {@code outputs} lists the folders that the
     * worker may write to, or is {@code null} if they are not known yet.
     */
    BackendSelector(
            ProviderConfig providers,
            String model,
            TrainingConfig config,
            @Nullable List<Path> outputs,
            Map<String, String> environment,
            Consumer<Progress> onProgress) {
        this.onProgress = onProgress;
        this.outputs = outputs;
        this.environment = environment;
        this.providers = providers;
        this.model = model;
        this.config = config;
        checkOptions(providers.workers().model());
        checkOutputs();
    }

    /**
     * Opens the session on the given backend, or for {@code null} on the first backend that can run it.
     *
     * @throws NoBackendLoadedException if no backend can, with all attempts
     * @throws Mlx4jException if the error would be the same on every backend
     */
    Loaded<Opened> open(@Nullable ProviderKind wanted) {
        if (wanted != null && !ORDER.contains(wanted)) {
            throw new NotSupportedException(wanted.id() + " can't train.", "Use mlx or hf.");
        }
        String by = wanted == null ? "any backend" : wanted.id();
        return first(wanted == null ? ORDER : List.of(wanted), "%s can't be trained by %s".formatted(model, by));
    }

    @Override
    protected Availability availability(ProviderKind kind) {
        return providers.probe(kind).check();
    }

    @Override
    protected Opened load(ProviderKind kind, Availability.Ready ready) {
        Optional<String> warning = BatchSizing.of(providers, model, kind).check(config);
        boolean folder = Files.isDirectory(UserPath.of(model));
        boolean network = providers.download()
                && (hasRanks(kind) || providers.workers().sandbox() == SandboxMode.OFF)
                && (!folder || Files.exists(UserPath.of(model).resolve("adapter_config.json")));
        LoadConfig options = providers.workers().model();
        MlxConfig mlx = providers.workers().mlx();
        Path hosts = mlx.hosts();
        Boolean tf32 = config.method() == TrainingMethod.NONE ? Boolean.FALSE : mlx.tf32(); // evaluate exactly
        String source = folder ? UserPath.of(model).toAbsolutePath().toString() : model;
        Training.Options loading = new Training.Options(
                kind == ProviderKind.HF && options.trustRemoteCode() ? true : null,
                options.memoryLimitBytes(),
                mlx.ranks(),
                hosts == null ? null : hosts.toAbsolutePath().toString(),
                kind == ProviderKind.MLX && mlx.wiredLimit() ? true : null,
                kind == ProviderKind.HF && options.device() != HfDevice.AUTO
                        ? options.device().id()
                        : null);
        Load.Params<Training.Options> load = Load.Params.<Training.Options>of(source, providers.download())
                .with(loading)
                .withToken(network ? HubToken.in(environment) : null);
        Training.Open params = new Training.Open(load, TrainingJson.LINE.valueToTree(config));
        SerialWorker worker = SerialWorker.start(
                WorkerLaunch.of(
                        kind,
                        ready.command(),
                        new BundledScripts(kind.id() + "_worker.py"),
                        network,
                        tf32,
                        sandbox(kind, network)),
                limits(providers.workers().hang()));
        return new Opened(
                worker,
                worker.load(Load.of(Method.OPEN_TRAINING, params, kind, TrainingInfo.class), onProgress),
                warning);
    }

    private Sandbox sandbox(ProviderKind kind, boolean downloads) {
        String mode = providers.workers().sandbox().id();
        return new Sandbox(mode, hasRanks(kind), downloads ? null : writable(), null);
    }

    private boolean hasRanks(ProviderKind kind) {
        return kind == ProviderKind.MLX && providers.workers().mlx().isSpread();
    }

    private @Nullable List<Path> writable() {
        return config.method() == TrainingMethod.NONE && outputs == null ? List.of() : outputs;
    }

    private void checkOutputs() {
        if (providers.workers().sandbox() == SandboxMode.REQUIRE && writable() == null) {
            throw new ConfigurationException(
                    "MLX4J_SANDBOX=require, but the folders that this training session will write to are unknown.",
                    "Pass them when you open the session: TrainingSession.open(…, outputs).");
        }
    }

    /** Returns the limits of a training worker. {@code hang} is the hang timeout of other workers. */
    static WorkerLimits limits(Duration hang) {
        WorkerLimits standard = WorkerLimits.STANDARD;
        return new WorkerLimits(
                standard.hello(),
                standard.loadStall(),
                hang.compareTo(MIN_SILENCE) > 0 ? hang : MIN_SILENCE,
                Duration.ZERO,
                null,
                null,
                null,
                standard.memoryPeriod());
    }

    @Override
    protected boolean isFinal(Mlx4jException failure) {
        return switch (failure.fault()) {
            case ENDED -> true;
            case CALLER -> !(failure instanceof NotSupportedException);
            case SETUP -> !(failure instanceof UnsafeModelException); // another loader may be able to read the model
            case MODEL, BACKEND -> failure instanceof WorkerOutOfMemoryException; // a fallback needs as much
        };
    }

    /** Rejects options that are meant for inference workers and would change the model to train. */
    private static void checkOptions(LoadConfig options) {
        Map<String, Object> set = new LinkedHashMap<>();
        set.put("adapter", Objects.requireNonNullElse(options.adapter(), ""));
        set.put("base", Objects.requireNonNullElse(options.base(), ""));
        set.put("expert", Objects.requireNonNullElse(options.expert(), ""));
        set.put("dtype", Objects.requireNonNullElse(options.dtype(), ""));
        set.put("actionHead", Objects.requireNonNullElse(options.actionHead(), ""));
        set.put("actionHeadSeed", Objects.requireNonNullElse(options.actionHeadSeed(), ""));
        set.put("allowPickles", options.allowPickles() ? true : "");
        set.forEach((name, value) -> {
            if (!value.equals("")) {
                throw new ConfigurationException(
                        "The model option %s is set for the workers, but training does not support it.".formatted(name),
                        "Leave it out; TrainingConfig has its own adapter and dtype.");
            }
        });
    }
}
