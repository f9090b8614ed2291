package io.github.mlx4j.bench;

import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Sends a prompt to a model and measures the answer. Token counts come from the answer's usage, speeds from the
 * engine's clock, and the time to the first token from the caller's clock.
 */
record GenerationRound(BenchmarkedModel.Loaded model, LongSupplier nanoTime) {

    /** Generates an answer with greedy decoding, and returns its figures. */
    Map<Metric, Double> ask(String prompt, int maxTokens) {
        GenerationRequest request = BenchPrompts.request(prompt, model.chat()).toBuilder()
                .temperature(0)
                .maxTokens(maxTokens)
                .build();
        long sent = nanoTime.getAsLong();
        long first = Long.MAX_VALUE;
        try (GenerationStream stream = model.text().stream(request)) {
            for (GenerationEvent event : stream) {
                if (first == Long.MAX_VALUE) {
                    first = nanoTime.getAsLong();
                }
            }
            return figures(stream.result(), first - sent);
        }
    }

    private static Map<Metric, Double> figures(GenerationResult answer, long firstNanos) {
        Map<Metric, Double> figures = new EnumMap<>(Metric.class);
        Usage usage = answer.usage();
        Timings timings = answer.timings();
        figures.put(Metric.FIRST_TOKEN, firstNanos / 1e6);
        if (usage.promptTokens() > 0) { // a remote provider may not report it
            figures.put(Metric.PROMPT_TOKENS, (double) usage.promptTokens());
            speed(figures, Metric.PROMPT_SPEED, usage.promptTokens() - usage.cachedTokens(), timings.prefill());
        }
        if (usage.completionTokens() > 0) {
            figures.put(Metric.ANSWER_TOKENS, (double) usage.completionTokens());
            speed(figures, Metric.GENERATION_SPEED, usage.completionTokens() - 1, timings.decode());
        }
        return figures;
    }

    private static void speed(Map<Metric, Double> figures, Metric figure, int tokens, Duration time) {
        if (tokens > 0 && !time.isZero()) {
            figures.put(figure, tokens / (time.toNanos() / 1e9));
        }
    }
}
