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
 * The way to language models.
 *
 * <pre>{@code
 * try (ProviderFactory providers = ProviderFactory.fromEnv()) {
 *     TextGenerationPort llm = providers.createTextGenerationAdapter();
 *     String answer = llm.generate("Why is the sky blue?").text();
 * }
 * }</pre>
 *
 * <p>Making a factory starts and probes nothing. The first {@code create…} chooses a provider ({@link #selection()}),
 * for all roles; the first request, or {@link #warmUp()}, starts a worker. One worker per kind and model serves every
 * caller of a factory, so roles with one model share it; those with models of their own are up at once where they fit
 * into memory, and take turns where they don't ({@link WorkerPool}). Closing the factory stops its workers. A worker is
 * also ended, with a warning in the log, when neither the factory nor anything that it made for that worker is
 * referenced any more. Thread-safe.
 */
public final class ProviderFactory implements AutoCloseable {

    /** The file in {@link ProviderConfig#home()} to which what happens to workers is appended, if the folder exists. */
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
     * A factory for one provider and model; every other setting has its default, whatever the environment says: no
     * {@code PYTHON_PATH}, no {@code MLX4J_HOME}. {@link #fromEnv()} and {@link ProviderConfig#fromEnv()} read them.
     *
     * @param provider {@code mlx}, {@code hf} or {@code ollama}; others need a key, so {@link ProviderConfig#builder()}
     * @param model a folder, or a hub id {@code org/name}; of a remote provider, as its server names it
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

    /** A factory as the system properties and the environment say; see {@link ProviderConfig#fromEnv()}. */
    public static ProviderFactory fromEnv() {
        return create(ProviderConfig.fromEnv());
    }

    /** A factory as these variables say; see {@link ProviderConfig#fromEnv(Map)}. */
    public static ProviderFactory fromEnv(Map<String, String> environment) {
        return create(ProviderConfig.fromEnv(environment));
    }

    /**
     * A factory for a configuration.
     *
     * @throws io.github.mlx4j.error.ConfigurationException if other users can write to its home folder
     */
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
    public TextGenerationPort createTextGenerationAdapter() {
        return createTextGenerationAdapterForRole(ModelRole.GENERAL);
    }

    /**
     * The same with the model of a role. Roles with the same models get the same port.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider, or a named fallback, has no model for the role
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
     * The Hugging Face hub and its cache, through the Python environment of mlx or, where that can't run here, of hf.
     * It is the caller's to close, and starts a worker of its own.
     */
    public ModelHub createModelHub() {
        Map<ProviderKind, WorkerProbe> probes = new LinkedHashMap<>();
        List.of(ProviderKind.MLX, ProviderKind.HF).forEach(kind -> probes.put(kind, choice.probe(kind)));
        return new ModelHub(probes);
    }

    /** Asks the mlx and hf workers whether they would load a model folder. Nothing of it is to be closed. */
    public LoadCheck createLoadCheck() {
        Map<ProviderKind, WorkerProbe> probes = new LinkedHashMap<>();
        List.of(ProviderKind.MLX, ProviderKind.HF).forEach(kind -> probes.put(kind, choice.probe(kind)));
        return new LoadCheck(probes, config.workers().sandbox());
    }

    /**
     * Vectors of texts, of the provider that is chosen here, and never of a fallback: another model's vectors can't be
     * compared with its own. It shares the worker with text generation; a remote provider uses the same model for both.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public EmbeddingPort createEmbeddingAdapter() {
        return createEmbeddingAdapterForRole(ModelRole.GENERAL);
    }

    /**
     * The same with the model of a role: vectors of roles with other models can't be compared.
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
     * Scores of documents by the model of the role {@code RERANKER}, of the worker that is chosen here, with its
     * fallbacks behind it. Each result names the model that gave its scores.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if no reranker is named, or if only remote providers are chosen, which can't rerank
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
     * Tasks made clearer by the model of the role {@code ENHANCER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public TaskEnhancementPort createEnhancementAdapter() {
        return createEnhancementAdapterForRole(ModelRole.ENHANCER);
    }

    /** The same by the model of another role; see {@link #createTextGenerationAdapterForRole}. */
    public TaskEnhancementPort createEnhancementAdapterForRole(ModelRole role) {
        return new EnhancementAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Tasks split into parts by the model of the role {@code DECOMPOSER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public TaskDecompositionPort createTaskDecompositionAdapter() {
        return createTaskDecompositionAdapterForRole(ModelRole.DECOMPOSER);
    }

    /** The same by the model of another role; see {@link #createTextGenerationAdapterForRole}. */
    public TaskDecompositionPort createTaskDecompositionAdapterForRole(ModelRole role) {
        return new TaskDecompositionAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Questions about tasks by the model of the role {@code TESTER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public ComprehensionTestPort createComprehensionTestAdapter() {
        return createComprehensionTestAdapterForRole(ModelRole.TESTER);
    }

    /** The same by the model of another role; see {@link #createTextGenerationAdapterForRole}. */
    public ComprehensionTestPort createComprehensionTestAdapterForRole(ModelRole role) {
        return new ComprehensionTestAdapter(createTextGenerationAdapterForRole(role));
    }

    /**
     * Tasks found in requirements documents by the model of the role {@code DECOMPOSER}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     */
    public RequirementsParsingPort createRequirementsParsingAdapter() {
        return createRequirementsParsingAdapterForRole(ModelRole.DECOMPOSER);
    }

    /** The same by the model of another role; see {@link #createTextGenerationAdapterForRole}. */
    public RequirementsParsingPort createRequirementsParsingAdapterForRole(ModelRole role) {
        return new RequirementsParsingAdapter(createTextGenerationAdapterForRole(role));
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

    /** The model that a provider would use where no role has one of its own, if one is known. */
    public Optional<String> model(ProviderKind kind) {
        return choice.model(kind);
    }

    /** The model that a provider would use for a role, if one is known. */
    public Optional<String> model(ProviderKind kind, ModelRole role) {
        return choice.model(kind, role);
    }

    /**
     * The model that each role has at the provider that is chosen here, who named it, and what it takes in memory; a
     * role without one is left out. Starts nothing.
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
     * Starts the worker that will answer and loads its model, and waits for it: the chosen provider's, or where that
     * fails the next one behind it. Of a remote provider it only looks whether it has what it needs.
     *
     * @throws Mlx4jException if all fail: the first one's error, with the others' as suppressed
     */
    public void warmUp() {
        warmUp(ModelRole.GENERAL);
    }

    /**
     * The same for the models of these roles, one after another. Where they don't fit into memory together, the last
     * ones are up in the end.
     *
     * @throws Mlx4jException as above, for the first role for which all fail
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

    /** The workers of this factory, how each is, and what became of it so far, in the order in which they were made. */
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

    /** Whether a provider can run here. */
    Selection.Attempt look(ProviderKind kind) {
        return choice.look(kind);
    }

    /** The worker of the provider that is chosen here; nothing is started yet. */
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

    /** An adapter, a draft model and the like belong to the plain model; a role's own model is loaded without. */
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

    /** Of its circuit breaker: the provider's, with the model where that is not the plain one. */
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
                .orElseThrow(() ->
                        new NotSupportedException("With a model, the provider can't be auto.", "Name mlx or hf."));
    }
}
