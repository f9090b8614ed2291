package io.github.mlx4j;

import io.github.mlx4j.adapter.SubprocessAdapter;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.error.NotLoadedException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.worker.LoadLoop;
import io.github.mlx4j.port.ActionHeadPort;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A single model, loaded by the first backend that can load it: mlx, then transformers.
 *
 * <pre>{@code
 * try (LocalModel model = new LocalModel(ModelConfig.builder("/models/olmoe").build())) {
 *     LoadReport report = model.loadOrThrow(Path.of("/adapters/mine"));
 *     String answer = model.text().generate("Why is the sky blue?").text();
 * }
 * }</pre>
 *
 * <p>The loaded model stays in use until it is loaded again or closed. If its worker dies, the worker is restarted, but
 * no other backend replaces it. Each load first closes the previous model, because two models may not fit into memory.
 * This also closes everything obtained from it, such as its {@link #text()}. Thread-safe: only one load runs at a time.
 */
public final class LocalModel implements AutoCloseable {

    private static final Availability MLX_NOT_WANTED = new Availability.Unavailable(
            Reason.NOT_WANTED, "The model is configured with useMlx(false).", "Remove useMlx(false) to use mlx.");
    private static final Logger log = LoggerFactory.getLogger(LocalModel.class);

    private final ModelConfig config;
    private final Platform platform;
    private final ReentrantLock loading = new ReentrantLock();
    private @Nullable ProviderFactory workers; // for the model that is loaded or being loaded
    private @Nullable Loaded loaded;
    private boolean closed;

    private record Loaded(SubprocessAdapter worker, LoadReport report) {}

    private record Started(SubprocessAdapter worker, ModelDetails details, List<String> warnings) {}

    /** Creates an instance without loading the model. */
    public LocalModel(ModelConfig config) {
        this(config, Platform.current());
    }

    LocalModel(ModelConfig config, Platform platform) {
        this.config = config;
        this.platform = platform;
    }

    /** Calls {@link #load(Path)} with the adapter of the configuration, or without an adapter if it has none. */
    public boolean load() {
        return load(null);
    }

    /**
     * Loads the model and returns whether this succeeded. If it failed, the log lists all attempts.
     *
     * @param lora the folder of a LoRA adapter, or {@code null} for the adapter of the configuration, if it has one
     * @throws CancelledException if the thread is interrupted while loading; its interrupt flag stays set
     * @throws ClosedException if this model was closed
     */
    public boolean load(@Nullable Path lora) {
        try {
            loadOrThrow(lora);
            return true;
        } catch (NoBackendLoadedException failure) {
            log.error("{}", failure.getMessage());
            return false;
        }
    }

    /** Calls {@link #loadOrThrow(Path)} with the adapter of the configuration, or without an adapter if it has none. */
    public LoadReport loadOrThrow() {
        return loadOrThrow(null);
    }

    /**
     * Loads the model and returns a report.
     *
     * @param lora the folder of a LoRA adapter, or {@code null} for the adapter of the configuration, if it has one
     * @throws NoBackendLoadedException if no backend can load the model; the exception lists all attempts
     * @throws CancelledException if the thread is interrupted while loading; its interrupt flag stays set
     * @throws ClosedException if this model was closed
     */
    public LoadReport loadOrThrow(@Nullable Path lora) {
        awaitTurn();
        try {
            return loadAnew(
                    lora == null
                            ? config.options()
                            : config.options().toBuilder().adapter(lora).build());
        } finally {
            loading.unlock();
        }
    }

    /** Returns the engine that loaded the model, or empty if no model is loaded. */
    public synchronized Optional<Backend> backend() {
        return Optional.ofNullable(loaded).map(now -> now.report().backend());
    }

    /**
     * Returns details of the loaded model.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public ModelDetails details() {
        return loaded().report().details();
    }

    /**
     * Returns the port for generating text with the model.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public TextGenerationPort text() {
        return loaded().worker();
    }

    /**
     * Returns the port for computing embeddings with the model.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public EmbeddingPort embeddings() {
        return loaded().worker();
    }

    /**
     * Computes the embedding of a text.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public float[] embed(String text) {
        return embeddings().embed(text);
    }

    /**
     * Returns the port for scoring documents, for a model that is a reranker.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public RerankPort reranker() {
        return loaded().worker();
    }

    /**
     * Returns the port for the model's tokenizer.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public TokenizerPort tokenizer() {
        return loaded().worker();
    }

    /**
     * Returns the port for analyzing texts with the model.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public ModelAnalysisPort analysis() {
        return loaded().worker();
    }

    /**
     * Returns the parameters of the model, with the names that its engine uses.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public List<Parameter> parameters() {
        return analysis().parameters();
    }

    /**
     * Returns the action head of the model. It is empty on mlx, which does not support action heads, and if none is
     * configured.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public Optional<ActionHeadPort> actionHead() {
        return loaded().worker().actionHead();
    }

    /**
     * Returns the action head of the model.
     *
     * @throws NotLoadedException if no model is loaded
     * @throws NotSupportedException if there is no action head; the message says why
     */
    public ActionHeadPort requireActionHead() {
        return actionHead()
                .orElseThrow(() -> details().backend().provider() == ProviderKind.MLX
                        ? new NotSupportedException(
                                "An action head needs transformers, but this model runs on mlx.",
                                "Load it with useMlx(false) and an actionHead or actionHeadSeed.")
                        : new NotSupportedException(
                                "This model was loaded without an action head.",
                                "Set actionHead to its file, or set actionHeadSeed, and load the model again."));
    }

    /**
     * Returns the state of the model's worker, its memory use and its history.
     *
     * @throws NotLoadedException if no model is loaded
     */
    public WorkerStatus status() {
        return loaded().worker().status();
    }

    /**
     * Stops the worker and any load in progress; pending requests and the load fail with {@link ClosedException}.
     * Idempotent.
     */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        unload();
    }

    private void awaitTurn() {
        try {
            loading.lockInterruptibly();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw interrupted();
        }
    }

    private LoadReport loadAnew(LoadConfig options) {
        try {
            return keep(new Loading(options).first(LoadLoop.ORDER, "No backend could load " + config.modelName()));
        } finally {
            if (backend().isEmpty()) {
                unload();
            }
        }
    }

    /** A single load. The worker of each attempt is stopped before the next attempt. */
    private final class Loading extends LoadLoop<Started> {

        private final LoadConfig options;
        private final List<String> warnings = new ArrayList<>(); // of the current attempt

        Loading(LoadConfig options) {
            this.options = options;
        }

        @Override
        protected Availability availability(ProviderKind kind) {
            unload();
            warnings.clear();
            ProviderFactory starting = startWith(kind, possible(kind, options, warnings));
            return kind == ProviderKind.MLX && !config.useMlx()
                    ? MLX_NOT_WANTED
                    : starting.look(kind).availability();
        }

        @Override
        protected Started load(ProviderKind kind, Availability.Ready ready) {
            checkPolicy(kind, options);
            SubprocessAdapter worker = starting().chosenWorker();
            ModelDetails details = worker.details();
            warnings.addAll(0, details.warnings());
            return new Started(worker, details, warnings);
        }
    }

    /** Creates the factory that starts the workers of one kind, for the model and these options. */
    private synchronized ProviderFactory startWith(ProviderKind kind, LoadConfig options) {
        checkOpen();
        ProviderConfig one = config.providers().toBuilder()
                .provider(kind)
                .fallback(List.of())
                .modelForEveryRole(kind, model(kind))
                .workers(workers -> workers.model(options))
                .build();
        ProviderFactory made = new ProviderFactory(one, platform);
        workers = made;
        return made;
    }

    /** Returns the options that a backend supports, and adds a warning for each option it ignores. */
    private LoadConfig possible(ProviderKind kind, LoadConfig options, List<String> warnings) {
        if (kind != ProviderKind.MLX) {
            return options;
        }
        LoadConfig possible = options;
        if (config.adapterPolicy() == AdapterPolicy.IGNORE && hasPeftAdapter(options)) {
            possible = possible.toBuilder().adapter(null).build();
            warnings.add("The adapter %s was not applied: it is a PEFT adapter, and the adapter policy is IGNORE."
                    .formatted(options.adapter()));
        }
        if (options.actionHead() != null || options.actionHeadSeed() != null) {
            possible =
                    possible.toBuilder().actionHead(null).actionHeadSeed(null).build();
            Object head = options.actionHead() != null ? options.actionHead() : "with seed " + options.actionHeadSeed();
            warnings.add(
                    "The action head %s was not loaded: mlx does not support action heads. To load it with transformers, set useMlx(false)."
                            .formatted(head));
        }
        return possible;
    }

    private void checkPolicy(ProviderKind kind, LoadConfig options) {
        if (kind != ProviderKind.MLX || config.adapterPolicy() != AdapterPolicy.FAIL) {
            return;
        }
        Path adapter = hasPeftAdapter(options) ? options.adapter() : UserPath.of(model(kind));
        if (adapter != null && AdapterFolder.isOfPeft(adapter)) {
            throw new NotSupportedException(
                    "%s is a PEFT adapter, which mlx would have to convert, but the adapter policy is FAIL."
                            .formatted(adapter),
                    "Set the policy to CONVERT, which is exact, or load the adapter with transformers.");
        }
    }

    private static boolean hasPeftAdapter(LoadConfig options) {
        Path adapter = options.adapter();
        return adapter != null && AdapterFolder.isOfPeft(adapter);
    }

    private synchronized ProviderFactory starting() {
        checkOpen();
        if (workers == null) {
            throw new IllegalStateException("no load is in progress"); // only close() clears it during a load
        }
        return workers;
    }

    private synchronized LoadReport keep(LoadLoop.Loaded<Started> first) {
        checkOpen();
        Started started = first.value();
        LoadReport report = new LoadReport(started.details(), first.attempts(), started.warnings());
        loaded = new Loaded(started.worker(), report);
        log.info(
                "{} loaded {} on {}",
                report.backend().provider().id(),
                report.backend().model(),
                report.backend().device());
        report.warnings().forEach(warning -> log.warn("{}", warning));
        return report;
    }

    private void unload() {
        ProviderFactory last;
        synchronized (this) {
            last = workers;
            workers = null;
            loaded = null;
        }
        if (last != null) {
            last.close();
        }
    }

    private synchronized Loaded loaded() {
        checkOpen();
        if (loaded == null) {
            throw new NotLoadedException("The model " + config.modelName() + " is not loaded.", "Call load first.");
        }
        return loaded;
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException("This model was closed.", "Create a new one.");
        }
    }

    private String model(ProviderKind kind) {
        String mlx = config.mlxModelPath();
        return kind == ProviderKind.MLX && mlx != null ? mlx : config.modelName();
    }

    private static CancelledException interrupted() {
        return new CancelledException("The thread that was loading the model was interrupted.", "");
    }
}
