package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.entry;

import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.device.Energy;
import io.github.mlx4j.device.PowerSampler;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.TrainingStep;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ModelBenchTest {

    private static final long MS = 1_000_000;

    private final List<String> events = new ArrayList<>();
    private long now;

    @Test
    void shouldMeasureTheSecondAnswerOfEachRun() {
        Model model = new Model("mlx", call -> answer(call, 100, 11, 50, 200));

        BenchResult.Measured measured = bench(2, null, model).run().measured().get(0);

        assertThat(measured.name()).isEqualTo("mlx");
        assertThat(measured.runs()).hasSize(2);
        assertThat(measured.runs().get(0))
                .containsOnly(
                        entry(Metric.LOAD, 1.5),
                        entry(Metric.PROMPT_TOKENS, 100.0),
                        entry(Metric.PROMPT_SPEED, 100 / 0.050),
                        entry(Metric.FIRST_TOKEN, 50.0),
                        entry(Metric.ANSWER_TOKENS, 11.0),
                        entry(Metric.GENERATION_SPEED, 10 / 0.200),
                        entry(Metric.MEMORY_ACTIVE, 30.0),
                        entry(Metric.MEMORY_PEAK, 40.0),
                        entry(Metric.MEMORY_RESIDENT, 90.0));
        assertThat(measured.figures()).containsEntry(Metric.LOAD, new MetricSummary(1.5, 1.5, 1.5));
        assertThat(model.requests)
                .extracting(GenerationRequest::maxTokens)
                .as("a short answer that does not count comes first")
                .containsExactly(8, 64, 8, 64);
        assertThat(model.requests)
                .allMatch(request -> Double.valueOf(0).equals(request.sampling().temperature()))
                .extracting(GenerationRequest::prompt)
                .doesNotHaveDuplicates();
    }

    @Test
    void shouldTakeTurnsAndNeverHaveTwoLoaded() {
        Model mlx = new Model("mlx", call -> answer(call, 100, 11, 50, 200));
        Model hf = new Model("hf", call -> answer(call, 100, 11, 50, 400));

        BenchResult found = bench(3, null, mlx, hf).run();

        assertThat(events)
                .containsExactly(
                        "run 1 of 3: mlx",
                        "load mlx",
                        "close mlx",
                        "run 1 of 3: hf",
                        "load hf",
                        "close hf",
                        "run 2 of 3: hf",
                        "load hf",
                        "close hf",
                        "run 2 of 3: mlx",
                        "load mlx",
                        "close mlx",
                        "run 3 of 3: mlx",
                        "load mlx",
                        "close mlx",
                        "run 3 of 3: hf",
                        "load hf",
                        "close hf");
        assertThat(mlx.requests)
                .extracting(GenerationRequest::prompt)
                .as("both get the same prompts")
                .isEqualTo(hf.requests.stream().map(GenerationRequest::prompt).toList());
        assertThat(found.measured().get(0).over(found.measured().get(1)))
                .containsEntry(Metric.GENERATION_SPEED, new MetricSummary(2, 2, 2));
    }

    @Test
    void shouldLeaveOutWhoFailsAndGoOn() {
        Model broken = new Model("mlx", call -> {});
        broken.failure = new ModelLoadException("It is broken.", "Mend it.");
        Model dying = new Model("hf", call -> call.fail(new WorkerDiedException("It died.", "", 1, "")));
        Model well = new Model("ollama", call -> answer(call, 0, 5, 50, 200));

        BenchResult found = bench(2, null, broken, dying, well).run();

        assertThat(found.measured()).extracting(BenchResult.Measured::name).containsExactly("ollama");
        assertThat(found.missing()).containsOnlyKeys("mlx", "hf");
        assertThat(found.missing().get("mlx")).startsWith("MODEL_LOAD_FAILED: It is broken. What to do: Mend it.");
        assertThat(events).as("it is closed").containsSubsequence("load hf", "close hf");
        assertThat(events).filteredOn("run 2 of 2: mlx"::equals).isEmpty();
    }

    @Test
    void shouldLeaveOutFiguresThatAreNotTold() {
        Model untold = new Model("ollama", call -> answer(call, 0, 1, 50, 0));

        assertThat(bench(1, null, untold).run().measured().get(0).runs().get(0))
                .doesNotContainKeys(Metric.PROMPT_TOKENS, Metric.PROMPT_SPEED, Metric.GENERATION_SPEED)
                .containsEntry(Metric.ANSWER_TOKENS, 1.0);
    }

    @Test
    void shouldDivideTheEnergyByTheAnswersTokens() {
        Model model = new Model("mlx", call -> answer(call, 100, 11, 50, 200));

        assertThat(bench(1, new Meter(Optional.of(new Energy(22, Duration.ofSeconds(2), Map.of()))), model)
                        .run()
                        .measured()
                        .get(0)
                        .runs()
                        .get(0))
                .containsEntry(Metric.POWER, 11.0)
                .containsEntry(Metric.ENERGY, 2.0);
        assertThat(events).containsSubsequence("load mlx", "begin", "end", "close mlx");
    }

    @Test
    void shouldHaveNoEnergyWhenTheMeterTellsNothing() {
        Model model = new Model("mlx", call -> answer(call, 100, 11, 50, 200));

        assertThat(bench(1, new Meter(Optional.empty()), model)
                        .run()
                        .measured()
                        .get(0)
                        .runs()
                        .get(0))
                .doesNotContainKeys(Metric.POWER, Metric.ENERGY)
                .containsKey(Metric.GENERATION_SPEED);
    }

    @Test
    void shouldDivideTheTokensOfAllStepsButTheFirstByTheirTime() {
        Model mlx = new Model("mlx", call -> answer(call, 100, 11, 50, 200));
        Model hf = new Model("hf", call -> answer(call, 100, 11, 50, 200));
        mlx.stepMillis = 100;
        hf.stepMillis = 50;
        hf.maxLength = 30;

        BenchResult found = training(2, mlx, hf).run();

        assertThat(found.measured().get(0).runs())
                .extracting(run -> run.get(Metric.TRAINING_SPEED))
                .as("the first step took 9 s")
                .containsExactly(4 * 127 / 0.1, 4 * 127 / 0.1);
        assertThat(found.measured().get(1).figures().get(Metric.TRAINING_SPEED).median())
                .isEqualTo(4 * 29 / 0.05);
        assertThat(mlx.batches).hasSize(12).doesNotContainSequence(mlx.batches.get(0), mlx.batches.get(0));
        assertThat(mlx.batches.subList(0, 6)).as("the same in each run").isEqualTo(mlx.batches.subList(6, 12));
        assertThat(mlx.batches.get(0).tokens())
                .hasSize(4)
                .allSatisfy(row -> assertThat(row).hasSize(128).allMatch(id -> id >= 3 && id < 100));
        assertThat(events)
                .as("no two share the machine")
                .startsWith(
                        "run 1 of 2: mlx",
                        "load mlx",
                        "close mlx",
                        "run 1 of 2: training on mlx",
                        "train mlx",
                        "close training mlx",
                        "run 1 of 2: hf",
                        "load hf");
    }

    @Test
    void shouldKeepTheOtherFiguresOfWhoCanNotBeTrained() {
        Model never = new Model("ollama", call -> answer(call, 100, 11, 50, 200));
        never.untrainable = new NotSupportedException("ollama can't train.", "Use mlx or hf.");
        Model once = new Model("mlx", call -> answer(call, 100, 11, 50, 200));
        once.stepsUntilDeath = 7;

        BenchResult found = training(2, never, once).run();

        assertThat(found.missing()).containsOnlyKeys("training on ollama", "training on mlx");
        assertThat(found.missing().get("training on ollama")).startsWith("NOT_SUPPORTED: ollama can't train.");
        assertThat(found.measured())
                .hasSize(2)
                .allSatisfy(measured -> assertThat(measured.figures())
                        .containsKey(Metric.GENERATION_SPEED)
                        .doesNotContainKey(Metric.TRAINING_SPEED));
        assertThat(events).filteredOn("train ollama"::equals).hasSize(1);
        assertThat(events).filteredOn("close training mlx"::equals).hasSize(2);
    }

    @Test
    void shouldEndWhenItIsInterruptedAndBlameNobody() {
        Model model = new Model("mlx", call -> {
            Thread.currentThread().interrupt();
            call.fail(new CancelledException("It was interrupted.", ""));
        });

        assertThatExceptionOfType(CancelledException.class)
                .isThrownBy(() -> bench(2, null, model).run());
        assertThat(Thread.interrupted()).isTrue();
        assertThat(events).containsExactly("run 1 of 2: mlx", "load mlx", "close mlx");
    }

    private ModelBench bench(int runs, @Nullable PowerSampler power, Model... models) {
        return new ModelBench(new BenchConfig(100, 64, runs, false), List.of(models), power, () -> now, events::add);
    }

    private ModelBench training(int runs, Model... models) {
        return new ModelBench(new BenchConfig(100, 64, runs, true), List.of(models), null, () -> now, events::add);
    }

    /** Says one piece of text after the time of its prefill, and ends. */
    private void answer(ScriptedPort.Call call, int promptTokens, int tokens, long prefillMs, long decodeMs) {
        now += prefillMs * MS;
        call.say("word");
        Duration prefill = Duration.ofMillis(prefillMs);
        call.complete(new GenerationResult(
                "word",
                "",
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                FinishReason.LENGTH,
                null,
                new Usage(promptTokens, tokens),
                new Timings(Duration.ZERO, prefill, prefill, Duration.ofMillis(decodeMs)),
                new Backend(ProviderKind.MLX, "scripted", "cpu")));
    }

    private final class Meter implements PowerSampler {

        private final Optional<Energy> told;

        private Meter(Optional<Energy> told) {
            this.told = told;
        }

        @Override
        public String source() {
            return "a meter";
        }

        @Override
        public void begin() {
            events.add("begin");
        }

        @Override
        public Optional<Energy> end() {
            events.add("end");
            return told;
        }

        @Override
        public void close() {
            throw new AssertionError("it is the caller's to close");
        }
    }

    private final class Model implements BenchmarkedModel, BenchmarkedModel.Loaded {

        private final String name;
        private final ScriptedPort port;
        private final List<GenerationRequest> requests = new ArrayList<>();
        private final List<Batch> batches = new ArrayList<>();
        private @Nullable RuntimeException failure;
        private @Nullable RuntimeException untrainable;
        private int stepsUntilDeath = 1000;
        private int maxLength = 2048;
        private double stepMillis;

        private Model(String name, Consumer<ScriptedPort.Call> script) {
            this.name = name;
            this.port = ScriptedPort.of(call -> {
                requests.add(call.request());
                script.accept(call);
            });
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Loaded load() {
            events.add("load " + name);
            if (failure != null) {
                throw failure;
            }
            return this;
        }

        @Override
        public Training train() {
            events.add("train " + name);
            if (untrainable != null) {
                throw untrainable;
            }
            return new InTraining(this);
        }

        @Override
        public TextGenerationPort text() {
            return port;
        }

        @Override
        public Optional<TokenizerPort> tokenizer() {
            return Optional.empty();
        }

        @Override
        public boolean chat() {
            return true;
        }

        @Override
        public Map<Metric, Double> loadTimes() {
            return Map.of(Metric.LOAD, 1.5);
        }

        @Override
        public List<WorkerMemory> memory() {
            return List.of(megabytes(20, 40, 90), megabytes(30, 35, 80));
        }

        @Override
        public Map<String, String> facts() {
            return Map.of("model", name + "'s");
        }

        @Override
        public void close() {
            events.add("close " + name);
        }
    }

    /** A training whose first step takes nine seconds. */
    private final class InTraining implements BenchmarkedModel.Training {

        private final Model model;
        private int steps;

        private InTraining(Model model) {
            this.model = model;
        }

        @Override
        public int maxLength() {
            return model.maxLength;
        }

        @Override
        public TrainingStep step(Batch batch) {
            model.batches.add(batch);
            if (model.batches.size() > model.stepsUntilDeath) {
                throw new WorkerDiedException("It died.", "", 1, "");
            }
            steps++;
            long tokens =
                    batch.tokens().stream().mapToLong(row -> row.size() - 1).sum();
            return new TrainingStep(steps, 0, 1.0, tokens, 1e-4, null, null, steps == 1 ? 9000 : model.stepMillis);
        }

        @Override
        public void close() {
            events.add("close training " + model.name);
        }
    }

    private static WorkerMemory megabytes(long active, long peak, long resident) {
        return new WorkerMemory(
                OptionalLong.of(active * 1_000_000),
                OptionalLong.of(peak * 1_000_000),
                OptionalLong.empty(),
                OptionalLong.of(resident * 1_000_000));
    }
}
