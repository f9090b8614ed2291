package io.github.mlx4j;

import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.device.BackendFacts;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.RemoteProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Chooses a provider by checking one after another whether it can run here. Thread-safe. */
final class ProviderChoice {

    /** The providers that {@code auto} checks, in order. Remote services are never included. */
    private static final List<ProviderKind> CHOICES = List.of(ProviderKind.MLX, ProviderKind.HF, ProviderKind.OLLAMA);

    private final ProviderConfig config;
    private final ModelRegistry registry;
    private final Map<ProviderKind, WorkerProbe> probes = new EnumMap<>(ProviderKind.class);

    ProviderChoice(ProviderConfig config, Platform platform) {
        this.config = config;
        this.registry = ModelRegistry.open(config.home());
        for (ProviderKind kind : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            probes.put(kind, config.probe(kind, platform));
        }
    }

    /** Returns what is known about a local backend (mlx or hf) on this machine. */
    BackendFacts facts(ProviderKind kind) {
        if (look(kind).availability() instanceof Availability.Unavailable not) {
            return BackendFacts.unavailable(kind, not.reason());
        }
        String model = model(kind).orElseThrow(); // otherwise it would not be available
        BackendFacts ready =
                BackendFacts.ready(kind).needing(MemoryNeed.of(model, registry).bytes());
        HfDevice device = config.workers().model().device();
        return kind == ProviderKind.HF && device != HfDevice.AUTO ? ready.on(device.id()) : ready;
    }

    /** Returns the registry of known models. */
    ModelRegistry registry() {
        return registry;
    }

    /** Returns the probe of a local backend (mlx or hf). */
    WorkerProbe probe(ProviderKind kind) {
        WorkerProbe probe = probes.get(kind);
        if (probe == null) {
            throw new NotSupportedException(
                    kind.id() + " has no worker, so it provides only text and embeddings.", "Use mlx or hf.");
        }
        return probe;
    }

    /** Returns whether a provider is remote. */
    boolean isRemote(ProviderKind kind) {
        return !probes.containsKey(kind);
    }

    /** Returns the model that a provider would use, if one is known. */
    Optional<String> model(ProviderKind kind) {
        return model(kind, ModelRole.GENERAL);
    }

    /**
     * Returns the model that a provider would use for a role: the role's own model, or else the configured model of the
     * provider, or else a default.
     */
    Optional<String> model(ProviderKind kind, ModelRole role) {
        Optional<String> named = config.model(kind, role).or(() -> config.model(kind, ModelRole.GENERAL));
        return switch (kind) {
            case MLX -> named.map(registry::resolve).or(() -> DefaultModels.of(kind, role));
            case HF -> named.or(() -> model(ProviderKind.MLX, role).flatMap(registry::hfCounterpart));
            case OPENAI ->
                named.or(() -> config.remote().isUsual(kind) ? DefaultModels.of(kind, role) : Optional.empty());
            case OLLAMA, ANTHROPIC -> named.or(() -> DefaultModels.of(kind, role));
        };
    }

    /** Describes for users where the choice of that model comes from. */
    String origin(ProviderKind kind, ModelRole role) {
        if (config.model(kind, role).isPresent()) {
            return RoleSettings.name(kind, role);
        }
        if (config.model(kind, ModelRole.GENERAL).isPresent()) {
            return RoleSettings.name(kind, ModelRole.GENERAL);
        }
        return kind == ProviderKind.HF ? "counterpart of the mlx model" : "default";
    }

    /** Returns the provider's model for a role, followed by those of its fallbacks in order. */
    List<NamedModel> chain(Selection chosen, ModelRole role) {
        boolean named = config.fallback().isPresent();
        return Stream.concat(
                        Stream.of(chosen.provider()),
                        chosen.fallback().stream()
                                .filter(kind -> named || model(kind, role).isPresent()))
                .map(kind -> namedModel(kind, role))
                .toList();
    }

    /**
     * Returns the reranking models of the chosen provider and its fallbacks, in order. Only local backends can rerank.
     * If any of them has a separate model for this role, the others are left out, because a chat model can't replace a
     * reranker.
     */
    List<NamedModel> rerankers(Selection chosen) {
        List<NamedModel> every = Stream.concat(Stream.of(chosen.provider()), chosen.fallback().stream())
                .filter(kind -> !isRemote(kind))
                .flatMap(kind -> model(kind, ModelRole.RERANKER).map(name -> new NamedModel(kind, name)).stream())
                .toList();
        List<NamedModel> own = every.stream()
                .filter(one -> !Optional.of(one.model()).equals(model(one.provider())))
                .toList();
        if (every.isEmpty() && isRemote(chosen.provider())) {
            throw new NotSupportedException(
                    chosen.provider().id() + " can't rerank documents.",
                    "Use mlx or hf, as the provider or in TASK_ORCHESTRATOR_FALLBACK, and set MLX_MODEL_RERANKER or"
                            + " HF_MODEL_RERANKER.");
        }
        if (every.isEmpty()) {
            throw new NotSupportedException(
                    "No reranker is configured.", "Set MLX_MODEL_RERANKER or HF_MODEL_RERANKER.");
        }
        return own.isEmpty() ? every : own;
    }

    /** Returns the provider's model for a role. */
    NamedModel namedModel(ProviderKind kind, ModelRole role) {
        return new NamedModel(
                kind,
                model(kind, role)
                        .orElseThrow(() -> new NotSupportedException(
                                noModel(kind, role), "Set " + RoleSettings.name(kind, role) + ".")));
    }

    private String noModel(ProviderKind kind, ModelRole role) {
        String of = role == ModelRole.GENERAL ? "" : " for the role " + role.id();
        return kind == ProviderKind.HF
                ? "No hf counterpart of %s is known%s."
                        .formatted(model(ProviderKind.MLX, role).orElse("the mlx model"), of)
                : "No %s model is configured%s.".formatted(kind.id(), of);
    }

    /** Checks all providers. For local backends, this imports the Python packages. */
    List<Selection.Attempt> diagnose() {
        return Arrays.stream(ProviderKind.values())
                .map(kind -> isRemote(kind)
                        ? look(kind)
                        : new Selection.Attempt(kind, probe(kind).checkImports()))
                .toList();
    }

    Selection choose() {
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

    /** Throws an exception with the reason if a provider is not available. */
    void checkAvailable(ProviderKind kind) {
        Selection.Attempt attempt = look(kind);
        if (attempt.availability() instanceof Availability.Unavailable not) {
            throw new ProviderUnavailableException(code(kind, not), not.reason(), not.fix());
        }
    }

    private static String code(ProviderKind kind, Availability.Unavailable not) {
        return not.code() == Reason.MISSING_API_KEY ? "MISSING_API_KEY" : kind.name() + "_NOT_AVAILABLE";
    }

    /** Checks whether a provider can run or be reached here with its configured model and adapter. */
    Selection.Attempt look(ProviderKind kind) {
        return new Selection.Attempt(kind, availability(kind));
    }

    private Availability availability(ProviderKind kind) {
        if (model(kind).isEmpty()) {
            return new Availability.Unavailable(
                    Reason.NO_MODEL, noModel(kind, ModelRole.GENERAL), "Set " + kind.name() + "_MODEL.");
        }
        if (!canHaveAdapter(kind) && !(isRemote(kind) && isNamed(kind))) {
            return new Availability.Unavailable(
                    Reason.NO_ADAPTERS,
                    whyNoAdapter(kind),
                    isRemote(kind)
                            ? "Unset MLX_ADAPTER_PATH."
                            : "Set MLX_ADAPTER_PATH to a PEFT adapter, or unset it.");
        }
        return isRemote(kind) ? remote(kind) : probe(kind).check();
    }

    /**
     * Checks whether a remote provider has what it needs. Paid services are not contacted, and neither is an Ollama
     * server on another machine unless the configuration names Ollama.
     */
    private Availability remote(ProviderKind kind) {
        RemoteProvider provider = new RemoteProvider(kind, config.remote());
        if (kind == ProviderKind.OLLAMA && !isNamed(kind) && !config.remote().isHere(kind)) {
            return new Availability.Unavailable(
                    Reason.NOT_WANTED,
                    "The Ollama server at " + provider.baseUrl()
                            + " is not on this machine, so it is not used automatically.",
                    "To use it, add ollama to TASK_ORCHESTRATOR_PROVIDER or TASK_ORCHESTRATOR_FALLBACK.");
        }
        return provider.whyNoModule()
                .map(why -> not(Reason.MODULE_MISSING, why))
                .or(() -> provider.whyNoKey().map(why -> not(Reason.MISSING_API_KEY, why)))
                .or(() -> provider.whyNoServer().map(why -> not(Reason.NOT_REACHABLE, why)))
                .orElseGet(() -> new Availability.Remote(provider.baseUrl(), kind == ProviderKind.OLLAMA));
    }

    private static Availability not(Reason reason, ProviderUnavailableException why) {
        return new Availability.Unavailable(reason, why.reason(), why.hint());
    }

    private boolean isNamed(ProviderKind kind) {
        return config.provider().filter(kind::equals).isPresent()
                || config.fallback().orElse(List.of()).contains(kind);
    }

    /**
     * Returns whether a provider can load the configured adapter, if there is one. A provider must not answer without
     * it.
     */
    private boolean canHaveAdapter(ProviderKind kind) {
        Path adapter = config.workers().model().adapter();
        return adapter == null
                || kind == ProviderKind.MLX
                || (kind == ProviderKind.HF && !AdapterFolder.isOfMlxLm(adapter));
    }

    private String whyNoAdapter(ProviderKind kind) {
        return isRemote(kind)
                ? kind.id() + " can't load adapters."
                : "%s loads only PEFT adapters, but %s is an mlx-lm adapter."
                        .formatted(kind.id(), config.workers().model().adapter());
    }

    private List<ProviderKind> fallbackBehind(ProviderKind kind) {
        boolean hf = kind == ProviderKind.MLX && canHaveAdapter(ProviderKind.HF);
        List<ProviderKind> wanted = config.fallback().orElse(hf ? List.of(ProviderKind.HF) : List.of());
        boolean named = config.fallback().isPresent();
        for (ProviderKind other : wanted) {
            boolean swaps = !isRemote(kind)
                    || !isRemote(other); // whether one remote provider replaces another has no bearing on the adapter
            if (other != kind && swaps && !canHaveAdapter(other)) {
                throw new ConfigurationException(
                        "MLX_ADAPTER_PATH is set, but the fallback %s (TASK_ORCHESTRATOR_FALLBACK) would answer without the adapter: %s"
                                .formatted(other.id(), whyNoAdapter(other)),
                        isRemote(other) ? "Unset one of the two." : "Unset one of the two, or use a PEFT adapter.");
            }
        }
        return wanted.stream()
                .filter(other -> other != kind && (named || model(other).isPresent()))
                .toList();
    }

    private ProviderUnavailableException unavailable(List<Selection.Attempt> attempts) {
        Selection.Attempt first = attempts.get(0);
        boolean one = config.provider().isPresent() && attempts.size() == 1;
        String code = one ? first.provider().name() + "_NOT_AVAILABLE" : "NO_PROVIDER_AVAILABLE";
        if (one && isRemote(first.provider()) && first.availability() instanceof Availability.Unavailable not) {
            return new ProviderUnavailableException(code(first.provider(), not), not.reason(), not.fix());
        }
        String tried = attempts.stream().map(attempt -> "\n- " + attempt).collect(Collectors.joining());
        String untried = Stream.of(ProviderKind.OPENAI, ProviderKind.ANTHROPIC)
                .filter(kind -> attempts.stream().noneMatch(attempt -> attempt.provider() == kind))
                .map(ProviderKind::id)
                .collect(Collectors.joining(", "));
        return new ProviderUnavailableException(
                code,
                "No provider is available here:" + tried
                        + (untried.isEmpty()
                                ? ""
                                : "\n- " + untried + ": not tried; remote services are used only if you name them")
                        + "\n",
                "Run `mlx4j doctor` for the full report, or `mlx4j setup` to create a missing environment.");
    }
}
