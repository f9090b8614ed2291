package io.github.mlx4j;

import io.github.mlx4j.adapter.FallbackAdapter;
import io.github.mlx4j.adapter.HfSubprocessAdapter;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.model.ModelRegistry;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.probe.Availability;
import io.github.mlx4j.probe.Interpreters;
import io.github.mlx4j.probe.Platform;
import io.github.mlx4j.probe.Reason;
import io.github.mlx4j.probe.WorkerProbe;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
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

    private static final Logger log = LoggerFactory.getLogger(ProviderFactory.class);
    private static final List<ProviderKind> CHOICES = List.of(ProviderKind.MLX, ProviderKind.HF);

    private final ProviderConfig config;
    private final Platform platform;
    private final Map<ProviderKind, WorkerProbe> probes = new EnumMap<>(ProviderKind.class);
    private @Nullable Selection selection;
    private @Nullable MlxSubprocessAdapter mlx;
    private @Nullable HfSubprocessAdapter hf;
    private @Nullable AbstractTextGenerationPort text;
    private boolean closed;

    /**
     * A factory for one provider and model; every other setting has its default.
     *
     * @param provider {@code mlx} or {@code hf}
     * @param model a folder, or a hub id {@code org/name}
     */
    public ProviderFactory(String provider, String model) {
        this(oneProvider(provider, model), Platform.current());
    }

    ProviderFactory(ProviderConfig config, Platform platform) {
        this.config = config;
        this.platform = platform;
        for (ProviderKind kind : CHOICES) {
            ProviderConfig.NamedInterpreter named = config.interpreters().get(kind);
            Interpreters interpreters = new Interpreters(
                    named == null ? null : named.command(),
                    named == null ? "" : named.setting(),
                    config.home(),
                    Optional.ofNullable(System.getenv("PATH")).orElse(""));
            probes.put(kind, new WorkerProbe(kind, platform, config.allowAnyPlatform(), interpreters));
        }
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
     * @throws NotSupportedException if the provider is not built into this version
     */
    public synchronized TextGenerationPort createTextGenerationAdapter() {
        checkOpen();
        if (text == null) {
            Selection chosen = selection();
            Map<String, AbstractTextGenerationPort> ports = new LinkedHashMap<>();
            Stream.concat(Stream.of(chosen.provider()), chosen.fallback().stream())
                    .forEach(kind -> ports.put(kind.id(), adapter(kind)));
            text = new FallbackAdapter(ports);
        }
        return text;
    }

    /**
     * Which provider answers, and why. The choice is made once, at the first call of this or of {@code create…}.
     *
     * @throws ProviderUnavailableException if no provider is available; the message lists every attempt
     * @throws NotSupportedException if the provider is not built into this version
     */
    public synchronized Selection selection() {
        if (selection == null) {
            selection = choose();
            log.info("Provider {} chosen ({})", selection.provider().id(), selection);
        }
        return selection;
    }

    /** What is available here, whatever is chosen; imports every package for real, which takes seconds. */
    public List<Selection.Attempt> diagnose() {
        return probes.entrySet().stream()
                .map(probe ->
                        new Selection.Attempt(probe.getKey(), probe.getValue().checkImports()))
                .toList();
    }

    /** The model that a provider would use, if one is known. */
    public Optional<String> model(ProviderKind kind) {
        Optional<String> named = Optional.ofNullable(config.models().get(kind));
        return switch (kind) {
            case MLX -> named.or(() -> Optional.of(ModelRegistry.DEFAULT_MLX));
            case HF -> named.or(() -> model(ProviderKind.MLX).flatMap(ModelRegistry::hfCounterpart));
            case OLLAMA, OPENAI, ANTHROPIC -> named;
        };
    }

    /**
     * Starts the chosen provider's worker and loads its model, and waits for it.
     *
     * @throws io.github.mlx4j.error.Mlx4jException if that fails; fallbacks are not tried
     */
    public void warmUp() {
        ProviderKind chosen = selection().provider();
        createTextGenerationAdapter();
        if (chosen == ProviderKind.MLX && mlx != null) {
            mlx.warmUp();
        } else if (hf != null) {
            hf.warmUp();
        }
    }

    /** Stops the workers; what they were working on fails with {@link ClosedException}. Idempotent. */
    @Override
    public void close() {
        MlxSubprocessAdapter mlxToClose;
        HfSubprocessAdapter hfToClose;
        synchronized (this) {
            closed = true;
            mlxToClose = mlx;
            hfToClose = hf;
        }
        if (mlxToClose != null) {
            mlxToClose.close();
        }
        if (hfToClose != null) {
            hfToClose.close();
        }
    }

    private Selection choose() {
        if (config.provider().isPresent()) {
            ProviderKind kind = config.provider().get();
            List<ProviderKind> behind = fallbackBehind(kind);
            Selection.Attempt attempt = look(kind);
            if (attempt.availability().isReady()
                    || behind.stream()
                            .anyMatch(other -> look(other).availability().isReady())) {
                return new Selection(kind, behind, List.of(attempt));
            }
            throw unavailable(Stream.concat(Stream.of(attempt), behind.stream().map(this::look))
                    .toList());
        }
        List<Selection.Attempt> attempts = new ArrayList<>();
        for (ProviderKind kind : CHOICES) {
            Selection.Attempt attempt = look(kind);
            attempts.add(attempt);
            if (attempt.availability().isReady()) {
                return new Selection(kind, fallbackBehind(kind), attempts);
            }
        }
        throw unavailable(attempts);
    }

    private Selection.Attempt look(ProviderKind kind) {
        WorkerProbe probe = probes.get(kind);
        if (probe == null) {
            throw new NotSupportedException(
                    "The provider " + kind.id() + " is known, but this version of mlx4j can't talk to it yet.",
                    "Use mlx or hf.");
        }
        if (model(kind).isEmpty()) {
            return new Selection.Attempt(
                    kind,
                    new Availability.Unavailable(
                            Reason.NO_MODEL,
                            "There is no known counterpart of "
                                    + model(ProviderKind.MLX).orElse("the mlx model") + " for " + kind.id() + ".",
                            "Name one in " + kind.name().toUpperCase(Locale.ROOT) + "_MODEL."));
        }
        return new Selection.Attempt(kind, probe.check());
    }

    private List<ProviderKind> fallbackBehind(ProviderKind kind) {
        List<ProviderKind> wanted =
                config.fallback().orElse(kind == ProviderKind.MLX ? List.of(ProviderKind.HF) : List.of());
        boolean named = config.fallback().isPresent();
        return wanted.stream()
                .filter(other -> other != kind && (named || model(other).isPresent()))
                .toList();
    }

    private ProviderUnavailableException unavailable(List<Selection.Attempt> attempts) {
        String tried = attempts.stream().map(attempt -> "\n- " + attempt).collect(Collectors.joining());
        String remote = "\n- openai, anthropic: not tried; a remote service is only used when it is named";
        boolean one = config.provider().isPresent() && attempts.size() == 1;
        return new ProviderUnavailableException(
                one ? attempts.get(0).provider().name() + "_NOT_AVAILABLE" : "NO_PROVIDER_AVAILABLE",
                "No provider is available here:" + tried + remote + "\n",
                "Run `mlx4j doctor` for the whole report, or `mlx4j setup` to make what is missing.");
    }

    private synchronized AbstractTextGenerationPort adapter(ProviderKind kind) {
        String model = model(kind)
                .orElseThrow(() -> new NotSupportedException(
                        "There is no model for " + kind.id() + ".", "Name one in " + kind.name() + "_MODEL."));
        WorkerProbe probe = probes.get(kind);
        if (kind == ProviderKind.MLX && probe != null) {
            mlx = mlx != null ? mlx : new MlxSubprocessAdapter(model, config.download(), probe);
            return mlx;
        } else if (kind == ProviderKind.HF && probe != null) {
            hf = hf != null ? hf : new HfSubprocessAdapter(model, config.download(), probe);
            return hf;
        }
        throw new NotSupportedException(
                "The provider " + kind.id() + " is known, but this version of mlx4j can't talk to it yet.",
                "Use mlx or hf.");
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
