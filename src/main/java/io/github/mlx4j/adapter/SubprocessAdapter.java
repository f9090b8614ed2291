package io.github.mlx4j.adapter;

import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.RerankerKind;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.event.CallObserver;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.protocol.Analysis;
import io.github.mlx4j.internal.protocol.Embed;
import io.github.mlx4j.internal.protocol.Generate;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Prompts;
import io.github.mlx4j.internal.protocol.Rerank;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.threads.LeakGuard;
import io.github.mlx4j.internal.worker.Worker;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.ActionHeadPort;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Provides text generation, tokenization, embeddings, reranking, and model analysis from a worker process. The first
 * request starts the worker; all callers share it. If the worker dies, it is restarted, within a budget of three
 * failures in five minutes.
 *
 * <p>A generation request is resent once if its worker dies before the first piece of text has reached the caller; any
 * later failure is passed to the caller. All other calls are resent once as well. If an adapter is garbage-collected
 * without being closed, its worker is stopped and a warning is logged. Thread-safe.
 */
public abstract sealed class SubprocessAdapter extends AbstractTextGenerationPort
        implements EmbeddingPort, RerankPort, TokenizerPort, ModelAnalysisPort, WorkerView, AutoCloseable
        permits MlxSubprocessAdapter, HfSubprocessAdapter {

    /** The protocol's name for the capability of a model with an action head. */
    private static final String ACTIONS = "actions";

    private static final int MAX_CONFIG_BYTES = 16 << 20; // the same limit as in the worker

    private final ProviderKind kind;
    private final WorkerSettings settings;
    private final Worker worker;
    private final CallObserver observer;
    private final PooledWorker resident;
    private final WorkerPool.Slot slot;
    private final LeakGuard guard;
    private final AtomicInteger open = new AtomicInteger();

    SubprocessAdapter(ProviderKind kind, WorkerSettings settings) {
        this.kind = kind;
        this.settings = settings;
        this.observer = new CallObserver(settings.options().listener(), kind, settings.model());
        this.worker = worker(kind, settings);
        this.resident = new PooledWorker(kind, settings, worker);
        this.slot = settings.pool().slot(resident);
        this.guard = LeakGuard.watch(this, resident.name(), worker::isUp, worker::close);
    }

    /**
     * Creates the worker. It holds no reference to the adapter, so an adapter that is no longer used can be
     * garbage-collected.
     */
    private static Worker worker(ProviderKind kind, WorkerSettings settings) {
        View view = new View(kind, settings.model());
        Worker worker = new Worker(
                kind.id(),
                () -> launch(kind, settings),
                Load.Params.<Load.Options>of(absolute(settings.model()), settings.download())
                        .with(options(kind, settings.options()))
                        .withToken(downloadsItself(kind, settings) ? HubToken.in(System.getenv()) : null),
                settings.budget(),
                settings.limits(view));
        view.worker = worker;
        return worker;
    }

    /**
     * Returns whether the worker can run here; if not, the result gives the reason and a fix. Does not start the
     * worker.
     */
    public final Availability availability() {
        return settings.probe().get();
    }

    /** Returns whether the worker can run here. */
    public final boolean isAvailable() {
        return availability().isReady();
    }

    /**
     * Starts the worker and loads its model unless that has already happened, and waits until it is ready. An interrupt
     * ends only the wait.
     */
    public final void warmUp() {
        whileIn(() -> WorkerQuery.ready(worker));
    }

    /** Estimates how much memory the worker needs, including its draft model. Reads only configs and headers. */
    public final MemoryNeed memoryNeed() {
        return resident.need();
    }

    /** Stops the worker. Requests in progress fail with {@link io.github.mlx4j.error.ClosedException}. Idempotent. */
    @Override
    public final void close() {
        guard.close();
        worker.close();
        settings.pool().lookAgain();
    }

    @Override
    public final ProviderKind provider() {
        return kind;
    }

    @Override
    public final String model() {
        return settings.model();
    }

    @Override
    public final Optional<String> modelName() {
        return Optional.of(settings.model());
    }

    @Override
    public final WorkerStatus status() {
        return worker.status();
    }

    @Override
    public final GenerationSink observed(GenerationRequest request, GenerationSink sink) {
        return observer.generation(request, sink);
    }

    @Override
    public final Cancellation start(GenerationRequest request, GenerationSink sink) {
        WorkerCall<Generate.Result> call;
        try {
            call = Generate.call(request);
            admit();
        } catch (Throwable refused) {
            sink.failed(Mlx4jException.of(refused));
            return () -> {};
        }
        WorkerPool.Lease lease;
        try {
            lease = slot.enter();
        } catch (Throwable fault) {
            open.decrementAndGet();
            sink.failed(Mlx4jException.of(fault));
            return () -> {};
        }
        WorkerGeneration generation = new WorkerGeneration(kind, worker, call, sink, () -> {
            open.decrementAndGet();
            lease.leave();
        });
        lease.granted().whenComplete((in, refusal) -> {
            if (refusal != null) {
                generation.fail(Mlx4jException.of(refusal));
            } else {
                generation.begin();
            }
        });
        return generation;
    }

    @Override
    public final List<float[]> embed(List<String> texts) {
        return vectors(List.copyOf(texts), null);
    }

    @Override
    public final List<float[]> embed(List<String> texts, String promptName) {
        return vectors(List.copyOf(texts), Objects.requireNonNull(promptName));
    }

    private List<float[]> vectors(List<String> texts, @Nullable String promptName) {
        int count = texts.size();
        return observer.vectors(count, () -> ask(Embed.call(texts, promptName), () -> Vectors.ofTexts(count)));
    }

    @Override
    public final RerankResult rerank(RerankRequest request) {
        return observer.scores(request.documents().size(), () -> scores(request));
    }

    /** Reranks without notifying the listener. */
    final RerankResult scores(RerankRequest request) {
        return admitted(() -> {
            Backend backend = WorkerQuery.ready(worker).backend();
            return WorkerQuery.ask(worker, Rerank.call(request, backend));
        });
    }

    /** Returns the observer that reports this worker's calls to the listener. */
    final CallObserver observer() {
        return observer;
    }

    @Override
    public final List<Integer> tokenize(GenerationRequest request) {
        return request.prompt() instanceof Prompt.Tokens given ? given.ids() : ask(Prompts.tokenize(request));
    }

    @Override
    public final int countTokens(GenerationRequest request) {
        return request.prompt() instanceof Prompt.Tokens given ? given.ids().size() : ask(Prompts.countTokens(request));
    }

    @Override
    public final String applyTemplate(GenerationRequest request) {
        if (request.prompt() instanceof Prompt.Chat) {
            return ask(Prompts.applyTemplate(request));
        }
        throw new InvalidRequestException(
                "The request has no messages to apply the chat template to.",
                "Create the request with GenerationRequest.chat.");
    }

    @Override
    public final ModelDetails details() {
        return whileIn(() -> WorkerQuery.ready(worker)).loaded().details();
    }

    @Override
    public final List<float[]> logits(List<Integer> tokens) {
        List<Integer> given = List.copyOf(tokens);
        return ask(Analysis.logits(given), () -> Vectors.ofTokens(given.size()));
    }

    @Override
    public final Score score(GenerationRequest prompt, String completion) {
        return ask(Prompts.score(prompt, completion));
    }

    @Override
    public final List<Parameter> parameters() {
        return ask(Analysis.parameters());
    }

    /** Returns the model's action head if it was loaded with one. Loads the model first if necessary. */
    public final Optional<ActionHeadPort> actionHead() {
        return details().capabilities().contains(ACTIONS)
                ? Optional.of(text -> ask(Analysis.actions(text)))
                : Optional.empty();
    }

    private <T> T ask(WorkerCall<T> call) {
        return admitted(() -> WorkerQuery.ask(worker, call));
    }

    private <R, T> T ask(WorkerCall<R> call, Supplier<? extends WorkerQuery.Collector<R, T>> collectors) {
        return admitted(() -> WorkerQuery.ask(worker, call, collectors));
    }

    private <T> T admitted(Supplier<T> work) {
        admit();
        try {
            return whileIn(work);
        } finally {
            open.decrementAndGet();
        }
    }

    /**
     * Waits until the pool grants a lease on the worker, then runs {@code work}. The pool does not stop the worker in
     * the meantime.
     */
    private <T> T whileIn(Supplier<T> work) {
        WorkerPool.Lease lease = slot.enter();
        try {
            WorkerQuery.await(lease.granted());
            return work.get();
        } finally {
            lease.leave();
            Reference.reachabilityFence(this); // otherwise the leak guard could stop the worker in the middle of a call
        }
    }

    private void admit() {
        int most = settings.options().maxRequests();
        if (open.incrementAndGet() > most) {
            open.decrementAndGet();
            throw new WorkerBusyException(
                    "The %s worker already has %d requests, which is the maximum.".formatted(kind.id(), most),
                    "Try again later, or raise MLX4J_MAX_REQUESTS.");
        }
    }

    /**
     * Returns the load options to send to the worker. The hf worker receives no mlx options. The mlx worker receives
     * neither hf's device nor the permissions, which it never needs. The worker rejects any other option that it
     * doesn't support, with an error that names the option.
     */
    private static Load.Options options(ProviderKind kind, WorkerConfig options) {
        boolean hf = kind == ProviderKind.HF;
        LoadConfig model = options.model();
        MlxConfig mlx = hf ? MlxConfig.DEFAULT : options.mlx();
        Dtype dtype = model.dtype();
        String base = model.base();
        String draftModel = mlx.draftModel();
        return new Load.Options(
                absolute(model.adapter()),
                base == null ? null : absolute(base),
                model.expert(),
                dtype == null ? null : dtype.id(),
                absolute(model.actionHead()),
                model.actionHeadSeed(),
                hf && model.trustRemoteCode() ? true : null,
                hf && model.allowPickles() ? true : null,
                model.memoryLimitBytes(),
                draftModel == null ? null : absolute(draftModel),
                mlx.draftTokens(),
                mlx.kvBits(),
                mlx.kvTokens(),
                options.prefixCacheBytes(),
                mlx.ranks(),
                absolute(mlx.hosts()),
                mlx.wiredLimit() ? true : null,
                hf && model.device() != HfDevice.AUTO ? model.device().id() : null,
                model.reranker() == RerankerKind.AUTO ? null : model.reranker().id());
    }

    /**
     * Returns a folder's absolute path, since the worker has its own working directory. Hub ids are returned unchanged.
     */
    private static String absolute(String model) {
        return isOfHub(model) ? model : UserPath.of(model).toAbsolutePath().toString();
    }

    private static @Nullable String absolute(@Nullable Path path) {
        return path == null ? null : path.toAbsolutePath().toString();
    }

    private static boolean isOfHub(String model) {
        return !Files.isDirectory(UserPath.of(model));
    }

    /** Returns whether any model that the worker loads might have to be downloaded from the hub. */
    private static boolean needsHub(ProviderKind kind, WorkerSettings settings) {
        WorkerConfig options = settings.options();
        String base = options.model().base();
        String draftModel = kind == ProviderKind.MLX ? options.mlx().draftModel() : null;
        return isOfHub(settings.model())
                || (draftModel != null && isOfHub(draftModel))
                || (base == null ? namesBase(UserPath.of(settings.model())) : isOfHub(base));
    }

    /** Returns whether a folder refers to a base model, which may be a hub model, instead of being a complete model. */
    private static boolean namesBase(Path folder) {
        if (Files.exists(folder.resolve("adapter_config.json"))) {
            return true;
        }
        try (InputStream config = Files.newInputStream(folder.resolve("config.json"))) {
            return new String(config.readNBytes(MAX_CONFIG_BYTES), StandardCharsets.UTF_8)
                    .contains("\"base_model_name_or_path\"");
        } catch (IOException unreadable) {
            return false; // the worker will report what is wrong with it
        }
    }

    private static WorkerLaunch launch(ProviderKind kind, WorkerSettings settings) {
        List<String> command = settings.probe().get().commandOrThrow(kind);
        boolean network = downloadsItself(kind, settings);
        Boolean tf32 = settings.options().mlx().tf32();
        return WorkerLaunch.of(kind, command, settings.scripts(), network, tf32, sandbox(kind, settings, network));
    }

    /** Returns whether the worker itself downloads its model. Only workers that have network access anyway do so. */
    private static boolean downloadsItself(ProviderKind kind, WorkerSettings settings) {
        return settings.download()
                && (hasRanks(kind, settings) || settings.options().sandbox() == SandboxMode.OFF)
                && needsHub(kind, settings);
    }

    private static boolean hasRanks(ProviderKind kind, WorkerSettings settings) {
        return kind == ProviderKind.MLX && settings.options().mlx().isSpread();
    }

    private static Sandbox sandbox(ProviderKind kind, WorkerSettings settings, boolean downloads) {
        String mode = settings.options().sandbox().id();
        return new Sandbox(mode, hasRanks(kind, settings), downloads ? null : List.of(), null);
    }

    /** The worker as listeners see it. */
    private static final class View implements WorkerView {

        private final ProviderKind provider;
        private final String model;
        private @Nullable Worker worker; // set before the first event

        View(ProviderKind provider, String model) {
            this.provider = provider;
            this.model = model;
        }

        @Override
        public ProviderKind provider() {
            return provider;
        }

        @Override
        public String model() {
            return model;
        }

        @Override
        public WorkerStatus status() {
            return Objects.requireNonNull(worker).status();
        }
    }

    /** The worker as the pool sees it. */
    private static final class PooledWorker implements WorkerPool.PooledWorker {

        private final ProviderKind kind;
        private final WorkerSettings settings;
        private final Worker worker;
        private volatile @Nullable MemoryNeed need; // null until the size is known

        PooledWorker(ProviderKind kind, WorkerSettings settings, Worker worker) {
            this.kind = kind;
            this.settings = settings;
            this.worker = worker;
        }

        @Override
        public String name() {
            return "the %s worker of %s".formatted(kind.id(), settings.model());
        }

        @Override
        public boolean isUp() {
            return worker.isUp();
        }

        @Override
        public boolean wouldStart() {
            return worker.wouldStart();
        }

        @Override
        public boolean canRun() {
            return settings.probe().get().isReady();
        }

        @Override
        public MemoryNeed need() {
            MemoryNeed known = need;
            if (known == null) {
                String draftModel =
                        kind == ProviderKind.MLX ? settings.options().mlx().draftModel() : null;
                MemoryNeed own = settings.pool().needOf(settings.model());
                known = draftModel == null ? own : own.plus(settings.pool().needOf(draftModel));
                need = known.bytes() > 0 ? known : null; // not cached, because the model may be downloaded later
            }
            return known;
        }

        @Override
        public long takenBytes() {
            return worker.takenBytes();
        }

        @Override
        public void stop(String why) {
            worker.stop(why);
        }
    }
}
