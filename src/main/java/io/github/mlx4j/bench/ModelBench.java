package io.github.mlx4j.bench;

import io.github.mlx4j.device.Energy;
import io.github.mlx4j.device.PowerSampler;
import io.github.mlx4j.error.Mlx4jException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Benchmarks several providers in turn. In each run, every provider is loaded anew, answers a warm-up prompt and then a
 * measured one, and is closed again, so that no two providers share the machine. All providers get the same prompts,
 * and every second run has them in reverse order.
 *
 * <p>A provider that fails is skipped from then on, and the reason is reported. If only its training fails, its other
 * figures are kept. Not thread-safe.
 */
public final class ModelBench {

    private static final int WARM_UP_TOKENS = 8;

    private final BenchConfig settings;
    private final List<BenchmarkedModel> subjects;
    private final @Nullable PowerSampler power;
    private final LongSupplier nanoTime;
    private final Consumer<String> progress;

    private final Map<String, List<Map<Metric, Double>>> runs = new LinkedHashMap<>();
    private final Map<String, Map<String, String>> facts = new LinkedHashMap<>();
    private final Map<String, String> missing = new LinkedHashMap<>();
    private @Nullable BenchPrompts prompts;

    /**
     * Creates a benchmark.
     *
     * @param subjects the models to measure; the prompts are created with the first one, which should therefore have a
     *     tokenizer
     * @param power measures power as well, or {@code null}; it is not closed
     * @param nanoTime the caller's clock
     * @param progress receives a description of each part before it starts
     */
    public ModelBench(
            BenchConfig settings,
            List<? extends BenchmarkedModel> subjects,
            @Nullable PowerSampler power,
            LongSupplier nanoTime,
            Consumer<String> progress) {
        this.settings = settings;
        this.subjects = List.copyOf(subjects);
        this.power = power;
        this.nanoTime = nanoTime;
        this.progress = progress;
    }

    /**
     * Runs the benchmark, which takes minutes. Can be called only once.
     *
     * @throws Mlx4jException if the thread is interrupted
     */
    public BenchResult run() {
        for (int run = 0; run < settings.runs(); run++) {
            for (BenchmarkedModel subject : order(run)) {
                if (!missing.containsKey(subject.name())) {
                    progress.accept("run %d of %d: %s".formatted(run + 1, settings.runs(), subject.name()));
                    measure(subject, run);
                    train(subject, run);
                }
            }
        }
        List<BenchResult.Measured> measured = new ArrayList<>();
        for (BenchmarkedModel subject : subjects) {
            String name = subject.name();
            Map<String, String> known = facts.get(name);
            List<Map<Metric, Double>> found = runs.get(name);
            if (known != null && found != null && !missing.containsKey(name)) {
                measured.add(new BenchResult.Measured(name, known, found));
            }
        }
        return new BenchResult(settings, measured, missing);
    }

    private List<BenchmarkedModel> order(int run) {
        List<BenchmarkedModel> order = new ArrayList<>(subjects);
        if (run % 2 == 1) {
            Collections.reverse(order);
        }
        return order;
    }

    private void measure(BenchmarkedModel subject, int run) {
        try (BenchmarkedModel.Loaded model = subject.load()) {
            if (prompts == null) {
                prompts =
                        BenchPrompts.of(model.tokenizer(), model.chat(), settings.promptTokens(), 2 * settings.runs());
            }
            GenerationRound question = new GenerationRound(model, nanoTime);
            question.ask(prompts.get(2 * run), Math.min(WARM_UP_TOKENS, settings.maxTokens()));
            if (power != null) {
                power.begin();
            }
            Map<Metric, Double> found = question.ask(prompts.get(2 * run + 1), settings.maxTokens());
            Optional<Energy> energy = power == null ? Optional.empty() : power.end();
            energy.ifPresent(taken -> {
                found.put(Metric.POWER, taken.meanWatts());
                found.computeIfPresent(Metric.ANSWER_TOKENS, (figure, tokens) -> {
                    found.put(Metric.ENERGY, taken.joules() / tokens);
                    return tokens;
                });
            });
            found.putAll(model.loadTimes());
            found.putAll(MemoryFigures.of(model.memory()));
            runs.computeIfAbsent(subject.name(), name -> new ArrayList<>()).add(found);
            facts.putIfAbsent(subject.name(), model.facts());
        } catch (Mlx4jException error) {
            leaveOut(subject.name(), error);
        }
    }

    private void train(BenchmarkedModel subject, int run) {
        String name = "training on " + subject.name();
        List<Map<Metric, Double>> found = runs.get(subject.name());
        if (!settings.training() || found == null || missing.containsKey(subject.name()) || missing.containsKey(name)) {
            return;
        }
        progress.accept("run %d of %d: %s".formatted(run + 1, settings.runs(), name));
        try (BenchmarkedModel.Training training = subject.train()) {
            found.get(run).put(Metric.TRAINING_SPEED, TrainingRound.speed(training));
        } catch (Mlx4jException error) {
            leaveOut(name, error);
            found.forEach(earlier -> earlier.remove(Metric.TRAINING_SPEED));
        }
    }

    private void leaveOut(String name, Mlx4jException error) {
        if (Thread.currentThread().isInterrupted()) { // an interrupt is not a failure of the provider
            throw error;
        }
        missing.put(name, error.code() + ": " + error.getMessage());
    }
}
