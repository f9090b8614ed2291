package io.github.mlx4j;

import io.github.mlx4j.adapter.FallbackAdapter;
import io.github.mlx4j.adapter.HfSubprocessAdapter;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.adapter.ModelHub;
import io.github.mlx4j.adapter.SubprocessAdapter;
import io.github.mlx4j.adapter.WorkerOptions;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.ComprehensionTestPort;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.port.RequirementsParsingPort;
import io.github.mlx4j.port.TaskDecompositionPort;
import io.github.mlx4j.port.TaskEnhancementPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.port.WorkerStatus;
import io.github.mlx4j.probe.Platform;
import io.github.mlx4j.probe.WorkerProbe;
import io.github.mlx4j.remote.RemoteAdapter;
import io.github.mlx4j.remote.RemoteProvider;
import io.github.mlx4j.task.ComprehensionTestAdapter;
import io.github.mlx4j.task.EnhancementAdapter;
import io.github.mlx4j.task.RequirementsParsingAdapter;
import io.github.mlx4j.task.TaskDecompositionAdapter;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to language models.
 *
 * <pre>{@code
 * try (ProviderFactory providers = ProviderFactory.fromEnv()) {
 *     TextGenerationPort llm = providers.createTextGenerationAdapter();
 *     String answer = llm.generate("Why is the sky blue?").text();
 * }
 * }</pre>
 *
 * <p>Making a factory starts and probes nothing. The first {@code create…} chooses a provider ({@link #selection()});
 * the first request, or {@link #warmUp()}, starts a worker. One worker per kind serves every caller of a factory.
 * Closing the factory stops its workers. Thread-safe.
 */
public final class ProviderFactory implements AutoCloseable {

    /** The file in {@link ProviderConfig#home()} to which what happens to workers is appended, if the folder exists. */
    public static final String JOURNAL = "workers.log";

    private static final Logger log = LoggerFactory.getLogger(ProviderFactory.class);

    private final ProviderConfig config;
    private final ProviderChoice choice;
    private final Map<ProviderKind, SubprocessAdapter> workers = new LinkedHashMap<>(); // in the order of the choice
    private final Map<ProviderKind, RemoteAdapter> remotes = new EnumMap<>(ProviderKind.class);
    private final CircuitBreakerRegistry breakers =
            CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build());
    private @Nullable Selection selection;
    private @Nullable TextGenerationPort text;
    private boolean closed;

    /**
     * A factory for one provider and model; every other setting has its default.
     *
     * @param provider {@code mlx}, {@code hf} or {@code ollama}; others need a key, so {@link ProviderConfig#builder()}
     * @param model a folder, or a hub id {@code org/name}; of a remote provider, as its server names it
     */
    public ProviderFactory(String provider, String model) {
        this(oneProvider(provider, model), Platform.current());
    }

    ProviderFactory(ProviderConfig config, Platform platform) {
        this.config = config;
        this.choice = new ProviderChoice(config, platform);
    }

    /** A factory as the system properties and the environment say; see {@link ProviderConfig#fromEnv()}. */
    public static ProviderFactory fromEnv() {
        return create(ProviderConfig.fromEnv());
    }

    /** A factory as these variables say; see {@link ProviderConfig#fromEnv(Map)}. */
    public static ProviderFactory fromEnv(Map<String, String> environment) {
        return create(ProviderConfig.fromEnv(environment));
    }

    /** A factory for a configuration. */
    public static ProviderFactory create(ProviderConfig config) {
        return new ProviderFactory(config, Platform.current());
    }

    /** The configuration. */
    public ProviderConfig config() {
        return config;
    }

    /**
     * Text generation through the provider that is chosen here, with its fallbacks behind it.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public synchronized TextGenerationPort createTextGenerationAdapter() {
        checkOpen();
        if (text == null) {
            Selection chosen = selection();
            Map<String, AbstractTextGenerationPort> ports = new LinkedHashMap<>();
            Stream.concat(Stream.of(chosen.provider()), chosen.fallback().stream())
                    .forEach(kind -> ports.put(
                            kind.id(),
                            choice.isRemote(kind)
                                    ? remotes.computeIfAbsent(kind, this::remote)
                                    : workers.computeIfAbsent(kind, this::worker)));
            text = new FallbackAdapter(ports, breakers, config.workers().listener());
        }
        return text;
    }

    /**
     * The Hugging Face hub and its cache, through the Python environment of mlx or, where that can't run here, of hf.
     * It is the caller's to close, and starts a worker of its own.
     */
    public ModelHub createModelHub() {
        Map<ProviderKind, WorkerProbe> probes = new LinkedHashMap<>();
        List.of(ProviderKind.MLX, ProviderKind.HF).forEach(kind -> probes.put(kind, choice.probe(kind)));
        return new ModelHub(probes);
    }

    /**
     * Vectors of texts, of the provider that is chosen here, and never of a fallback: another model's vectors can't be
     * compared with its own. It shares the worker with text generation; a remote provider uses the same model for both.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public synchronized EmbeddingPort createEmbeddingAdapter() {
        checkOpen();
        ProviderKind kind = selection().provider();
        return choice.isRemote(kind) ? remotes.computeIfAbsent(kind, this::remote) : chosenWorker();
    }

    /**
     * The tokens of the provider that is chosen here, and never of a fallback: another model's tokens mean nothing to
     * it. It shares the worker with text generation.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is a remote one, which has no such thing
     */
    public synchronized TokenizerPort createTokenizer() {
        return chosenWorker();
    }

    /**
     * What the model of the provider that is chosen here is and thinks of a text, and never of a fallback. It shares
     * the worker with text generation.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is a remote one, which has no such thing
     */
    public synchronized ModelAnalysisPort createAnalysisAdapter() {
        return chosenWorker();
    }

    /**
     * Tasks made clearer by the model of {@link #createTextGenerationAdapter()}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is not built into this version
     */
    public TaskEnhancementPort createEnhancementAdapter() {
        return new EnhancementAdapter(createTextGenerationAdapter());
    }

    /**
     * Tasks split into parts by the model of {@link #createTextGenerationAdapter()}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is not built into this version
     */
    public TaskDecompositionPort createTaskDecompositionAdapter() {
        return new TaskDecompositionAdapter(createTextGenerationAdapter());
    }

    /**
     * Questions about tasks by the model of {@link #createTextGenerationAdapter()}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is not built into this version
     */
    public ComprehensionTestPort createComprehensionTestAdapter() {
        return new ComprehensionTestAdapter(createTextGenerationAdapter());
    }

    /**
     * Tasks found in requirements documents by the model of {@link #createTextGenerationAdapter()}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is not built into this version
     */
    public RequirementsParsingPort createRequirementsParsingAdapter() {
        return new RequirementsParsingAdapter(createTextGenerationAdapter());
    }

    /**
     * Which provider answers, and why. The choice is made once, at the first call of this or of {@code create…}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public synchronized Selection selection() {
        if (selection == null) {
            selection = choice.choose();
            log.info("Provider {} chosen ({})", selection.provider().id(), selection);
        }
        return selection;
    }

    /** What is available here, whatever is chosen; imports every package for real, which takes seconds. */
    public List<Selection.Attempt> diagnose() {
        return choice.diagnose();
    }

    /** The model that a provider would use, if one is known. */
    public Optional<String> model(ProviderKind kind) {
        return choice.model(kind);
    }

    /**
     * Starts the worker that will answer and loads its model, and waits for it: the chosen provider's, or where that
     * fails the next one behind it. Of a remote provider it only looks whether it has what it needs.
     *
     * @throws Mlx4jException if all fail: the first one's error, with the others' as suppressed
     */
    public void warmUp() {
        createTextGenerationAdapter();
        Selection chosen = selection();
        List<Mlx4jException> failures = new ArrayList<>();
        for (ProviderKind kind : Stream.concat(Stream.of(chosen.provider()), chosen.fallback().stream())
                .toList()) {
            try {
                if (choice.isRemote(kind)) {
                    choice.checkAvailable(kind);
                } else {
                    started(kind).warmUp();
                }
                return;
            } catch (Mlx4jException error) {
                failures.add(error);
            }
        }
        Mlx4jException first = failures.get(0);
        failures.stream().skip(1).forEach(first::addSuppressed);
        throw first;
    }

    /** How each worker of this factory is, and what became of it so far. */
    public synchronized Map<ProviderKind, WorkerStatus> workers() {
        Map<ProviderKind, WorkerStatus> status = new LinkedHashMap<>();
        workers.forEach((kind, worker) -> status.put(kind, worker.status()));
        return status;
    }

    /** The circuit breaker of each provider that text generation has, by its name; empty before that was made. */
    public CircuitBreakerRegistry circuitBreakers() {
        return breakers;
    }

    /** Stops the workers; what they were working on fails with {@link ClosedException}. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        started().forEach(SubprocessAdapter::close);
        remotes().forEach(RemoteAdapter::close);
    }

    private synchronized List<SubprocessAdapter> started() {
        return List.copyOf(workers.values());
    }

    private synchronized SubprocessAdapter started(ProviderKind kind) {
        return workers.computeIfAbsent(kind, this::worker);
    }

    private synchronized List<RemoteAdapter> remotes() {
        return List.copyOf(remotes.values());
    }

    /** Whether a provider can run here. */
    Selection.Attempt look(ProviderKind kind) {
        return choice.look(kind);
    }

    /** The worker of the provider that is chosen here; nothing is started yet. */
    synchronized SubprocessAdapter chosenWorker() {
        checkOpen();
        return workers.computeIfAbsent(selection().provider(), this::worker);
    }

    private SubprocessAdapter worker(ProviderKind kind) {
        WorkerProbe probe = choice.probe(kind);
        String model = modelOf(kind);
        WorkerOptions options = config.workers();
        if (options.journal() == null && Files.isDirectory(config.home())) {
            options = options.withJournal(config.home().resolve(JOURNAL));
        }
        return kind == ProviderKind.MLX
                ? new MlxSubprocessAdapter(model, config.download(), probe, options)
                : new HfSubprocessAdapter(model, config.download(), probe, options);
    }

    private RemoteAdapter remote(ProviderKind kind) {
        return new RemoteAdapter(
                new RemoteProvider(kind, config.remote()),
                modelOf(kind),
                config.workers().listener());
    }

    private String modelOf(ProviderKind kind) {
        return model(kind)
                .orElseThrow(() -> new NotSupportedException(
                        "There is no model for " + kind.id() + ".", "Name one in " + kind.name() + "_MODEL."));
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException("This provider factory was closed.", "Make a new one.");
        }
    }

    private static ProviderConfig oneProvider(String provider, String model) {
        ProviderConfig named = ProviderConfig.fromEnv(Map.of(Setting.TASK_ORCHESTRATOR_PROVIDER.name(), provider));
        return named.provider()
                .map(kind -> ProviderConfig.builder()
                        .provider(kind)
                        .model(kind, model)
                        .build())
                .orElseThrow(() ->
                        new NotSupportedException("With a model, the provider can't be auto.", "Name mlx or hf."));
    }
}
