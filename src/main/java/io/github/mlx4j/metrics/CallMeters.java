package io.github.mlx4j.metrics;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The meters of calls. All meters with the same name have the same tag keys, as Prometheus requires; {@code none}
 * stands for a missing value.
 */
final class CallMeters {

    private static final String NONE = "none";

    /**
     * The buckets that the conventions recommend for client durations, tokens, and the server's times to the first
     * token and per further token.
     */
    private static final Duration[] CLIENT =
            IntStream.range(0, 14).mapToObj(i -> Duration.ofMillis(10L << i)).toArray(Duration[]::new);

    private static final double[] TOKENS =
            IntStream.range(0, 14).mapToDouble(i -> 1L << 2 * i).toArray();
    private static final Duration[] FIRST_TOKEN =
            milliseconds(1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000);
    private static final Duration[] OUTPUT_TOKEN =
            milliseconds(10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2500);

    private final MeterRegistry registry;

    CallMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    void firstToken(ModelCall call, Duration after) {
        record(
                "gen_ai.client.operation.time_to_first_chunk",
                "To the first piece of an answer",
                asked(call),
                CLIENT,
                after);
    }

    void answer(ModelCall call, GenerationResult result, Duration took) {
        Tags answered = answered(call, result.backend());
        duration(answered, NONE, took);
        tokens(answered.and("gen_ai.token.type", "input"), result.usage().promptTokens());
        tokens(answered.and("gen_ai.token.type", "output"), result.usage().completionTokens());
        if (hasWorker(result.backend().provider())) {
            engine(answered, result.timings(), result.usage().completionTokens());
        }
    }

    void vectors(ModelCall call, Duration took) {
        duration(asked(call).and("gen_ai.response.model", call.model()), NONE, took);
    }

    void scores(ModelCall call, RerankResult result, Duration took) {
        Tags answered = answered(call, result.backend());
        duration(answered, NONE, took);
        tokens(answered.and("gen_ai.token.type", "input"), result.promptTokens());
    }

    void failure(ModelCall call, Mlx4jException error, Duration took) {
        duration(asked(call).and("gen_ai.response.model", NONE), error.code(), took);
    }

    void fallback(String from, String to) {
        registry.counter("mlx4j.fallbacks", "from", from, "to", to).increment();
    }

    /** Records times from the engine's own clock. Remote providers do not report them. */
    private void engine(Tags tags, Timings timings, int tokens) {
        Duration whole = timings.firstToken().plus(timings.decode());
        record(
                "gen_ai.server.request.duration",
                "From the engine's first sight of a request to its last token",
                tags,
                CLIENT,
                whole);
        record(
                "gen_ai.server.time_to_first_token",
                "From the engine's first sight of a request to its first token",
                tags,
                FIRST_TOKEN,
                timings.firstToken());
        if (tokens > 1) {
            record(
                    "gen_ai.server.time_per_output_token",
                    "For each token after the first",
                    tags,
                    OUTPUT_TOKEN,
                    timings.decode().dividedBy(tokens - 1));
        }
    }

    private void duration(Tags tags, String error, Duration took) {
        record(
                "gen_ai.client.operation.duration",
                "A call, from its start to its end",
                tags.and("error.type", error),
                CLIENT,
                took);
    }

    private void tokens(Tags tags, int tokens) {
        DistributionSummary.builder("gen_ai.client.token.usage")
                .description("Tokens of prompts and answers")
                .baseUnit("token")
                .tags(tags)
                .serviceLevelObjectives(TOKENS)
                .register(registry)
                .record(tokens);
    }

    private void record(String name, String description, Tags tags, Duration[] buckets, Duration took) {
        Timer.builder(name)
                .description(description)
                .tags(tags)
                .serviceLevelObjectives(buckets)
                .register(registry)
                .record(took);
    }

    private static Tags asked(ModelCall call) {
        return tags(call, call.provider());
    }

    private static Tags answered(ModelCall call, Backend backend) {
        return tags(call, backend.provider()).and("gen_ai.response.model", backend.model());
    }

    private static Tags tags(ModelCall call, ProviderKind provider) {
        return Tags.of(
                "gen_ai.operation.name", call.operation().id(),
                "gen_ai.provider.name", provider.id(),
                "gen_ai.request.model", call.model());
    }

    private static boolean hasWorker(ProviderKind provider) {
        return provider == ProviderKind.MLX || provider == ProviderKind.HF;
    }

    private static Duration[] milliseconds(long... values) {
        return Arrays.stream(values).mapToObj(Duration::ofMillis).toArray(Duration[]::new);
    }
}
