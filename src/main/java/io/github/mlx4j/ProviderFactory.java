package io.github.mlx4j;

import io.github.mlx4j.adapter.FallbackAdapter;
import io.github.mlx4j.adapter.FallbackReranker;
import io.github.mlx4j.adapter.HfSubprocessAdapter;
import io.github.mlx4j.adapter.LoadCheck;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.adapter.SubprocessAdapter;
import io.github.mlx4j.adapter.WorkerPool;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.hub.ModelHub;
import io.github.mlx4j.internal.process.PrivateFiles;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.RemoteAdapter;
import io.github.mlx4j.remote.RemoteProvider;
import io.github.mlx4j.task.ComprehensionTestAdapter;
import io.github.mlx4j.task.ComprehensionTestPort;
import io.github.mlx4j.task.EnhancementAdapter;
import io.github.mlx4j.task.RequirementsParsingAdapter;
import io.github.mlx4j.task.RequirementsParsingPort;
import io.github.mlx4j.task.TaskDecompositionAdapter;
import io.github.mlx4j.task.TaskDecompositionPort;
import io.github.mlx4j.task.TaskEnhancementPort;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The entry point for using language models.
 *
 * <pre>{@code
 * try (ProviderFactory providers = ProviderFactory.fromEnv()) {
 *     TextGenerationPort llm = providers.createTextGenerationAdapter();
 *     String answer = llm.generate("Why is the sky blue?").text();
 * }
 * }</pre>
 *
 * <p>Creating a factory neither starts nor probes anything. The first {@code create…} call chooses a provider
 * ({@link #selection()}) for all roles. The first request, or {@link #warmUp()}, starts a worker. All callers of a
 * factory share one worker per kind and model, so roles with the same model share a worker. Workers for different
 * models run at the same time if they fit into memory, and take turns if they don't ({@link WorkerPool}). Closing the
 * factory stops its workers. A worker is also ended, with a warning in the log, once neither the factory nor any object
 * that it created for the worker is reachable. Thread-safe.
 */
public final class ProviderFactory implements AutoCloseable {

    /** The file in {@link ProviderConfig#home()} to which worker events are appended, if that folder exists. */
    public static final String JOURNAL = "workers.log";

    private static final Logger log = LoggerFactory.getLogger(ProviderFactory.class);

    private final ProviderConfig config;
    private final ProviderChoice choice;
    private final CircuitBreakerRegistry breakers =
            CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build());
    private final WorkerPool pool;
    private final Map<NamedModel, SubprocessAdapter> workers = new LinkedHashMap<>();
    private final Map<NamedModel, RemoteAdapter> remotes = new LinkedHashMap<>();
    private final Map<List<NamedModel>, TextGenerationPort> texts = new HashMap<>();
    private @Nullable RerankPort reranker;
    private @Nullable Selection selection;
    private boolean closed;

    /**
     * Creates a factory for one provider and model. All other settings have their defaults: the environment is ignored,
     * including {@code PYTHON_PATH} and {@code MLX4J_HOME}. To read the environment, use {@link #fromEnv()} or
     * {@link ProviderConfig#fromEnv()}.
     *
     * @param provider {@code mlx}, {@code hf} or {@code ollama}; the others need a key, so use
     *     {@link ProviderConfig#builder()} for them
     * @param model a folder, or a hub id {@code org/name}; for a remote provider, the name that its server uses
     */
    public ProviderFactory(String provider, String model) {
        this(oneProvider(provider, model), Platform.current());
    }

    ProviderFactory(ProviderConfig config, Platform platform) {
        PrivateFiles.check(config.home());
        this.config = config;
        this.choice = new ProviderChoice(config, platform);
        this.pool = new WorkerPool(config.pool(), choice.registry());
    }

    /**
     * Creates a factory configured by the system properties and the environment; see {@link ProviderConfig#fromEnv()}.
     */
    public static ProviderFactory fromEnv() {
        return create(ProviderConfig.fromEnv());
    }

    /** Creates a factory configured by the given variables; see {@link ProviderConfig#fromEnv(Map)}. */
    public static ProviderFactory fromEnv(Map<String, String> environment) {
        return create(ProviderConfig.fromEnv(environment));
    }

    /**
     * Creates a factory with a configuration.
     *
     * @throws io.github.mlx4j.error.ConfigurationException if other users can write to its home folder
     */
    public static ProviderFactory create(ProviderConfig config) {
        return new ProviderFactory(config, Platform.current());
    }

    /** Returns the configuration. */
    public ProviderConfig config() {
        return config;
    }

    /**
     * Creates a port for generating text with the selected provider, or with its fallbacks if it fails.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public TextGenerationPort createTextGenerationAdapter() {
        return createTextGenerationAdapterForRole(ModelRole.GENERAL);
    }

    /**
     * Creates a port for generating text with the model of a role. Roles with the same models share a port.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider, or a configured fallback, has no model for the role
     */
    public synchronized TextGenerationPort createTextGenerationAdapterForRole(ModelRole role) {
        checkOpen();
        return texts.computeIfAbsent(choice.chain(selection(), role), chain -> {
            Map<String, AbstractTextGenerationPort> ports = new LinkedHashMap<>();
            chain.forEach(model ->
                    ports.put(nameOf(model), choice.isRemote(model.provider()) ? remote(model) : worker(model)));
            return new FallbackAdapter(ports, breakers, config.workers().listener());
        });
    }

    /**
     * Creates access to the Hugging Face hub and its cache. It uses the Python environment of mlx, or that of hf if mlx
     * can't run here. The result starts its own worker, and the caller must close it.
     */
    public ModelHub createModelHub() {
        Map<ProviderKind, WorkerProbe> probes = new LinkedHashMap<>();
        List.of(ProviderKind.MLX, ProviderKind.HF).forEach(kind -> probes.put(kind, choice.probe(kind)));
        return new ModelHub(probes);
    }

    /**
     * Creates a check that asks the mlx and hf workers whether they would load a model folder. It does not need to be
     * closed.
     */
    public LoadCheck createLoadCheck() {
        Map<ProviderKind, WorkerProbe> probes = new LinkedHashMap<>();
        List.of(ProviderKind.MLX, ProviderKind.HF).forEach(kind -> probes.put(kind, choice.probe(kind)));
        return new LoadCheck(probes, config.workers().sandbox());
    }

    /**
     * Creates a port for computing embeddings with the selected provider. Fallbacks are never used, because embeddings
     * of different models can't be compared. It shares the worker with text generation; a remote provider uses the same
     * model for both.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public EmbeddingPort createEmbeddingAdapter() {
        return createEmbeddingAdapterForRole(ModelRole.GENERAL);
    }

    /**
     * Creates a port for computing embeddings with the model of a role. Embeddings of roles with different models can't
     * be compared.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider has no model for the role
     */
    public synchronized EmbeddingPort createEmbeddingAdapterForRole(ModelRole role) {
        checkOpen();
        NamedModel model = choice.namedModel(selection().provider(), role);
        return choice.isRemote(model.provider()) ? remote(model) : worker(model);
    }

    /**
     * Creates a port for scoring documents with the model of the role {@code RERANKER}. It uses the worker of the
     * selected provider, or those of its fallbacks if it fails. Each result names the model that computed its scores.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if no reranker is configured, or if only remote providers are selected, which can't
     *     rerank
     */
    public synchronized RerankPort createRerankAdapter() {
        checkOpen();
        if (reranker == null) {
            Map<String, SubprocessAdapter> ports = new LinkedHashMap<>();
            choice.rerankers(selection()).forEach(model -> ports.put(nameOf(model), worker(model)));
            reranker = new FallbackReranker(ports, breakers, config.workers().listener());
        }
        return reranker;
    }

    /**
     * Creates a port for the tokenizer of the selected provider's model. Fallbacks are never used, because their tokens
     * would be meaningless to this model. It shares the worker with text generation.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is remote; remote providers don't support this
     */
    public synchronized TokenizerPort createTokenizer() {
        return chosenWorker();
    }

    /**
     * Creates a port for analyzing the selected provider's model, and texts with that model. Fallbacks are never used.
     * It shares the worker with text generation.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is remote; remote providers don't support this
     */
    public synchronized ModelAnalysisPort createAnalysisAdapter() {
        return chosenWorker();
    }

    /**
     * Creates a port that clarifies tasks with the model of the role {@code ENHANCER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public TaskEnhancementPort createEnhancementAdapter() {
        return createEnhancementAdapterForRole(ModelRole.ENHANCER);
    }

    /**
     * Creates a port that clarifies tasks with the model of another role; see
     * {@link #createTextGenerationAdapterForRole}.
     */
    public TaskEnhancementPort createEnhancementAdapterForRole(ModelRole role) {
        return new EnhancementAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Creates a port that splits tasks into parts with the model of the role {@code DECOMPOSER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public TaskDecompositionPort createTaskDecompositionAdapter() {
        return createTaskDecompositionAdapterForRole(ModelRole.DECOMPOSER);
    }

    /**
     * Creates a port that splits tasks with the model of another role; see {@link #createTextGenerationAdapterForRole}.
     */
    public TaskDecompositionPort createTaskDecompositionAdapterForRole(ModelRole role) {
        return new TaskDecompositionAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Creates a port that asks questions about tasks with the model of the role {@code TESTER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public ComprehensionTestPort createComprehensionTestAdapter() {
        return createComprehensionTestAdapterForRole(ModelRole.TESTER);
    }

    /**
     * Creates a port that asks questions about tasks with the model of another role; see
     * {@link #createTextGenerationAdapterForRole}.
     */
    public ComprehensionTestPort createComprehensionTestAdapterForRole(ModelRole role) {
        return new ComprehensionTestAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Creates a port that finds tasks in requirements documents with the model of the role {@code DECOMPOSER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public RequirementsParsingPort createRequirementsParsingAdapter() {
        return createRequirementsParsingAdapterForRole(ModelRole.DECOMPOSER);
    }

    /**
     * Creates a port that finds tasks in requirements documents with the model of another role; see
     * {@link #createTextGenerationAdapterForRole}.
     */
    public RequirementsParsingPort createRequirementsParsingAdapterForRole(ModelRole role) {
        return new RequirementsParsingAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Returns the selected provider and the reasons for the selection. The provider is selected once, at the first call
     * of this method or of a {@code create…} method.
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

    /**
     * Checks which providers are available here, regardless of the selection. This imports all Python packages, which
     * takes seconds.
     */
    public List<Selection.Attempt> diagnose() {
        return choice.diagnose();
    }

    /** Returns the model that a provider would use for roles without their own model, if one is known. */
    public Optional<String> model(ProviderKind kind) {
        return choice.model(kind);
    }

    /** Returns the model that a provider would use for a role, if one is known. */
    public Optional<String> model(ProviderKind kind, ModelRole role) {
        return choice.model(kind, role);
    }

    /**
     * Returns the model of each role at the selected provider, with the setting it comes from and its memory need.
     * Roles without a model are left out. This starts nothing.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public synchronized List<RoleModel> roles() {
        checkOpen();
        ProviderKind kind = selection().provider();
        return Arrays.stream(ModelRole.values())
                .filter(role -> choice.model(kind, role).isPresent())
                .map(role -> {
                    NamedModel model = choice.namedModel(kind, role);
                    MemoryNeed need =
                            choice.isRemote(kind) ? null : worker(model).memoryNeed();
                    return new RoleModel(role, kind, model.model(), choice.origin(kind, role), need);
                })
                .toList();
    }

    /**
     * Starts the worker that will answer requests, loads its model and waits until it is ready. This is the worker of
     * the selected provider or, if that fails, of the next fallback. For a remote provider, it only checks whether the
     * provider has what it needs.
     *
     * @throws Mlx4jException if all fail: the first error, with the others as suppressed exceptions
     */
    public void warmUp() {
        warmUp(ModelRole.GENERAL);
    }

    /**
     * Warms up the models of these roles, one after another. If they don't fit into memory together, only the last ones
     * are running at the end.
     *
     * @throws Mlx4jException as for {@link #warmUp()}, for the first role for which all fail
     */
    public void warmUp(ModelRole... roles) {
        for (ModelRole role : roles) {
            createTextGenerationAdapterForRole(role);
            warmUp(choice.chain(selection(), role));
        }
    }

    private void warmUp(List<NamedModel> chain) {
        List<Mlx4jException> failures = new ArrayList<>();
        for (NamedModel model : chain) {
            try {
                if (choice.isRemote(model.provider())) {
                    choice.checkAvailable(model.provider());
                } else {
                    worker(model).warmUp();
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

    /** Returns the workers of this factory with their state and history, in the order in which they were created. */
    public synchronized List<ModelWorker> workers() {
        return workers.entrySet().stream()
                .map(entry -> new ModelWorker(
                        entry.getKey().provider(),
                        entry.getKey().model(),
                        rolesOf(entry.getKey()),
                        entry.getValue().status()))
                .toList();
    }

    private Set<ModelRole> rolesOf(NamedModel model) {
        return Arrays.stream(ModelRole.values())
                .filter(role -> choice.model(model.provider(), role)
                        .filter(name -> new NamedModel(model.provider(), name).equals(model))
                        .isPresent())
                .collect(Collectors.toSet());
    }

    /**
     * Returns the circuit breakers of the text generation providers by name; empty until text generation was created.
     */
    public CircuitBreakerRegistry circuitBreakers() {
        return breakers;
    }

    /** Stops the workers. Requests in progress fail with {@link ClosedException}. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        pool.close();
        started().forEach(SubprocessAdapter::close);
        remotes().forEach(RemoteAdapter::close);
    }

    private synchronized List<SubprocessAdapter> started() {
        return List.copyOf(workers.values());
    }

    private synchronized List<RemoteAdapter> remotes() {
        return List.copyOf(remotes.values());
    }

    /** Checks whether a provider can run here. */
    Selection.Attempt look(ProviderKind kind) {
        return choice.look(kind);
    }

    /** Returns the worker of the selected provider without starting it. */
    synchronized SubprocessAdapter chosenWorker() {
        checkOpen();
        return worker(choice.namedModel(selection().provider(), ModelRole.GENERAL));
    }

    private synchronized SubprocessAdapter worker(NamedModel model) {
        return workers.computeIfAbsent(model, this::newWorker);
    }

    private SubprocessAdapter newWorker(NamedModel model) {
        WorkerProbe probe = choice.probe(model.provider());
        WorkerConfig options = optionsOf(model);
        return model.provider() == ProviderKind.MLX
                ? new MlxSubprocessAdapter(model.model(), config.download(), probe, options, pool)
                : new HfSubprocessAdapter(model.model(), config.download(), probe, options, pool);
    }

    /**
     * Returns the worker options for a model. The adapter, the draft model and similar options apply only to the
     * provider's general model; a role's own model is loaded without them.
     */
    private WorkerConfig optionsOf(NamedModel model) {
        WorkerConfig options = config.workers();
        if (options.journal() == null && Files.isDirectory(config.home())) {
            options =
                    options.toBuilder().journal(config.home().resolve(JOURNAL)).build();
        }
        return rolesOf(model).contains(ModelRole.GENERAL)
                ? options
                : options.toBuilder()
                        .model(options.model().forAnotherModel())
                        .mlx(options.mlx().forAnotherModel())
                        .build();
    }

    /**
     * Returns the name of the model's circuit breaker: the provider, followed by the model unless it is the provider's
     * general one.
     */
    private String nameOf(NamedModel model) {
        String provider = model.provider().id();
        return rolesOf(model).contains(ModelRole.GENERAL) ? provider : provider + ":" + model.model();
    }

    private RemoteAdapter remote(NamedModel model) {
        return remotes.computeIfAbsent(
                model,
                named -> new RemoteAdapter(
                        new RemoteProvider(named.provider(), config.remote()),
                        named.model(),
                        config.workers().listener()));
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException("This provider factory was closed.", "Create a new one.");
        }
    }

    private static ProviderConfig oneProvider(String provider, String model) {
        ProviderConfig.Builder named =
                ProviderConfig.builder().setting(Setting.TASK_ORCHESTRATOR_PROVIDER.name(), provider);
        return named.build()
                .provider()
                .map(kind -> named.model(kind, model).build())
                .orElseThrow(() -> new NotSupportedException(
                        "The provider can't be auto if a model is given.", "Specify the model's provider."));
    }
}
