package io.github.mlx4j;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.model.ModelRegistry;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Availability;
import io.github.mlx4j.probe.Interpreters;
import io.github.mlx4j.probe.Platform;
import io.github.mlx4j.probe.Reason;
import io.github.mlx4j.probe.WorkerProbe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Chooses a provider: asks each in turn whether it can run here. Thread-safe. */
final class ProviderChoice {

    /** What {@code auto} looks at, in order. */
    private static final List<ProviderKind> CHOICES = List.of(ProviderKind.MLX, ProviderKind.HF);

    private final ProviderConfig config;
    private final Map<ProviderKind, WorkerProbe> probes = new EnumMap<>(ProviderKind.class);

    ProviderChoice(ProviderConfig config, Platform platform) {
        this.config = config;
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        for (ProviderKind kind : CHOICES) {
            ProviderConfig.NamedInterpreter named = config.interpreters().get(kind);
            Interpreters interpreters = named == null
                    ? new Interpreters(null, "", config.home(), path)
                    : new Interpreters(named.command(), named.setting(), config.home(), path);
            probes.put(kind, new WorkerProbe(kind, platform, config.allowAnyPlatform(), interpreters));
        }
    }

    /** The probe of a provider that has a worker. */
    WorkerProbe probe(ProviderKind kind) {
        WorkerProbe probe = probes.get(kind);
        if (probe == null) {
            throw new NotSupportedException(
                    "The provider " + kind.id() + " is known, but this version of mlx4j can't talk to it yet.",
                    "Use mlx or hf.");
        }
        return probe;
    }

    /** The model that a provider would use, if one is known. */
    Optional<String> model(ProviderKind kind) {
        Optional<String> named = Optional.ofNullable(config.models().get(kind));
        return switch (kind) {
            case MLX -> named.or(() -> Optional.of(ModelRegistry.DEFAULT_MLX));
            case HF -> named.or(() -> model(ProviderKind.MLX).flatMap(ModelRegistry::hfCounterpart));
            case OLLAMA, OPENAI, ANTHROPIC -> named;
        };
    }

    /** Every provider with a worker, after its packages were really imported. */
    List<Selection.Attempt> diagnose() {
        return probes.entrySet().stream()
                .map(probe ->
                        new Selection.Attempt(probe.getKey(), probe.getValue().checkImports()))
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

    /** Whether a provider can run here, with the model and the adapter that it is to have. */
    Selection.Attempt look(ProviderKind kind) {
        WorkerProbe probe = probe(kind);
        if (model(kind).isEmpty()) {
            return new Selection.Attempt(
                    kind,
                    new Availability.Unavailable(
                            Reason.NO_MODEL,
                            "There is no known counterpart of "
                                    + model(ProviderKind.MLX).orElse("the mlx model") + " for " + kind.id() + ".",
                            "Name one in " + kind.name() + "_MODEL."));
        }
        if (!canHaveAdapter(kind)) {
            return new Selection.Attempt(
                    kind,
                    new Availability.Unavailable(
                            Reason.NO_ADAPTERS,
                            onlyPeft(kind),
                            "Name an adapter of PEFT, or none (MLX_ADAPTER_PATH)."));
        }
        return new Selection.Attempt(kind, probe.check());
    }

    /** Whether a provider can load the adapter, if there is one: it must not answer without. */
    private boolean canHaveAdapter(ProviderKind kind) {
        Path adapter = config.workers().model().adapter();
        return adapter == null || kind != ProviderKind.HF || !AdapterFolder.isOfMlxLm(adapter);
    }

    private String onlyPeft(ProviderKind kind) {
        return "%s loads adapters of PEFT only, and %s is one of mlx-lm."
                .formatted(kind.id(), config.workers().model().adapter());
    }

    private List<ProviderKind> fallbackBehind(ProviderKind kind) {
        boolean hf = kind == ProviderKind.MLX && canHaveAdapter(ProviderKind.HF);
        List<ProviderKind> wanted = config.fallback().orElse(hf ? List.of(ProviderKind.HF) : List.of());
        boolean named = config.fallback().isPresent();
        if (kind != ProviderKind.HF && wanted.contains(ProviderKind.HF) && !canHaveAdapter(ProviderKind.HF)) {
            throw new ConfigurationException(
                    "MLX_ADAPTER_PATH is set, and hf is in TASK_ORCHESTRATOR_FALLBACK: it would answer without the adapter,"
                            + " since " + onlyPeft(ProviderKind.HF),
                    "Unset one of the two, or name an adapter of PEFT.");
        }
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
}
