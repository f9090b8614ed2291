package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.bench.BenchmarkedModel;
import io.github.mlx4j.bench.Metric;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.TrainingSession;
import io.github.mlx4j.training.TrainingStep;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A provider as {@code mlx4j bench} measures it: without a fallback, and with the prefix cache disabled.
 *
 * @param kind the provider
 * @param config its configuration
 */
record BenchModel(ProviderKind kind, ProviderConfig config) implements BenchmarkedModel {

    private static final Duration LOOK = Duration.ofMillis(250);

    /**
     * Returns a provider without a fallback.
     *
     * @param model its model, or {@code null} for the one of the configuration
     */
    static BenchModel of(ProviderKind kind, @Nullable String model, ProviderConfig from) {
        ProviderConfig.Builder builder = from.toBuilder()
                .provider(kind)
                .fallback(List.of())
                .workers(workers -> workers.prefixCacheBytes(0).idle(Duration.ZERO));
        if (model != null) {
            builder.model(kind, model);
        }
        return new BenchModel(kind, builder.build());
    }

    @Override
    public String name() {
        return kind.id();
    }

    @Override
    public Loaded load() {
        MemorySamples looks = new MemorySamples();
        long begun = System.nanoTime();
        ProviderFactory providers = ProviderFactory.create(config.toBuilder()
                .workers(workers -> workers.listener(looks).memoryPeriod(LOOK))
                .build());
        try {
            providers.warmUp();
            double seconds = (System.nanoTime() - begun) / 1e9;
            return kind == ProviderKind.MLX || kind == ProviderKind.HF
                    ? worker(providers, seconds, looks)
                    : remote(providers);
        } catch (RuntimeException failure) {
            providers.close();
            throw failure;
        }
    }

    @Override
    public Training train() {
        String model;
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            model = providers.model(kind).orElse("");
        }
        TrainingConfig lora = TrainingConfig.builder(TrainingMethod.LORA).build();
        return new InTraining(TrainingSession.open(TrainingProviders.of(config), model, lora, kind, List.of()));
    }

    private record InTraining(TrainingSession session) implements Training {

        @Override
        public int maxLength() {
            return session.info().maxLength();
        }

        @Override
        public TrainingStep step(Batch batch) {
            return session.trainStep(batch);
        }

        @Override
        public void close() {
            session.close();
        }
    }

    private Loaded worker(ProviderFactory providers, double seconds, MemorySamples looks) {
        WorkerStatus status = providers.workers().get(0).status();
        Map<Metric, Double> times = new EnumMap<>(Metric.class);
        times.put(Metric.LOAD, seconds);
        status.start().ifPresent(start -> {
            times.put(Metric.LOAD_PROCESS, start.process().toNanos() / 1e9);
            times.put(Metric.LOAD_PACKAGES, start.packages().toNanos() / 1e9);
            times.put(Metric.LOAD_MODEL, start.model().toNanos() / 1e9);
        });
        ModelDetails details = providers.createAnalysisAdapter().details();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", details.backend().model());
        facts.put("on", details.backend().device());
        facts.put("weights", details.dtype());
        facts.putAll(new TreeMap<>(details.packages()));
        return new Ready(
                providers, Optional.of(providers.createTokenizer()), details.chat(), times, facts, Optional.of(looks));
    }

    private Loaded remote(ProviderFactory providers) {
        Map<String, String> facts = Map.of("model", providers.model(kind).orElse("unknown"));
        return new Ready(providers, Optional.empty(), true, Map.of(), facts, Optional.empty());
    }

    private record Ready(
            ProviderFactory providers,
            Optional<TokenizerPort> tokenizer,
            boolean chat,
            Map<Metric, Double> loadTimes,
            Map<String, String> facts,
            Optional<MemorySamples> looks)
            implements Loaded {

        @Override
        public TextGenerationPort text() {
            return providers.createTextGenerationAdapter();
        }

        @Override
        public List<WorkerMemory> memory() {
            return looks.map(MemorySamples::untilNow).orElse(List.of());
        }

        @Override
        public void close() {
            providers.close();
        }
    }
}
