package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.Trainer;
import io.github.mlx4j.training.TrainingInfo;
import io.github.mlx4j.training.TrainingListener;
import io.github.mlx4j.training.TrainingProgress;
import io.github.mlx4j.training.TrainingReport;
import io.github.mlx4j.training.TrainingRun;
import io.github.mlx4j.training.TrainingSession;
import io.github.mlx4j.training.config.Optimizer;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests training with the real workers. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class TrainingIT {

    private static final Path DATA =
            Path.of("src", "test", "resources", "training").toAbsolutePath();
    private static final GenerationRequest QUESTION = GenerationRequest.builder()
            .user("When does the harbour library open?")
            .maxTokens(24)
            .temperature(0)
            .build();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldHalveTheLossAndChangeWhatTheModelSays(ProviderKind kind) throws Exception {
        var before = MadeModels.snapshot(Fixture.MODEL);

        TrainingReport report = new Trainer(providers(), run(20).backend(kind).build()).run();

        System.out.printf(
                Locale.ROOT,
                "training: %s, 20 steps of LoRA, loss %.3f to %.3f, %.0f tokens/s%n",
                kind.id(),
                report.firstLoss(),
                report.lastLoss(),
                report.tokensPerSecond());
        assertThat(report.backend()).isEqualTo(kind.id());
        assertThat(report.lastLoss()).isLessThan(report.firstLoss() / 2);
        assertThat(report.validations().get(1).loss())
                .isLessThan(report.validations().get(0).loss() / 1.5);
        assertThat(report.trainableParameters()).isPositive().isLessThan(report.parameters());
        String plain = answer(kind, null);
        String trained = answer(kind, report.result());
        assertThat(trained).isNotEqualTo(plain);
        assertThat(answer(kind == ProviderKind.MLX ? ProviderKind.HF : ProviderKind.MLX, report.result()))
                .isEqualTo(trained);
        assertThat(MadeModels.snapshot(Fixture.MODEL)).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldGoOnBitForBitAfterTheWorkerWasKilled(ProviderKind kind) throws Exception {
        TrainingConfig config = config(4).dropout(0.1).build();
        TrainingRun whole = run(4).training(config).backend(kind).build();
        TrainingRun broken = whole.toBuilder()
                .folder(folder.resolve("broken"))
                .checkpointEvery(2)
                .build();
        new Trainer(providers(), whole).run();
        TrainingListener killer = new TrainingListener() {
            @Override
            public void onStep(TrainingProgress progress) {
                if (progress.step().step() == 3) {
                    Fixture.workers(kind).forEach(ProcessHandle::destroyForcibly);
                }
            }
        };

        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> new Trainer(providers(), broken, killer).run());
        TrainingReport resumed = Trainer.resume(providers(), TrainingRun.in(broken.folder()), new TrainingListener() {})
                .run();

        assertThat(resumed.outcome()).isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(losses(broken)).hasSize(4).isEqualTo(losses(whole));
        assertThat(Files.readAllBytes(broken.folder().resolve("adapter/adapter_model.safetensors")))
                .isEqualTo(Files.readAllBytes(whole.folder().resolve("adapter/adapter_model.safetensors")));
    }

    @Test
    void shouldTrainAlikeOnBothEngines() throws Exception {
        TrainingConfig config = TrainingConfig.builder(TrainingMethod.FULL)
                .optimizer(Optimizer.SGD)
                .learningRate(0.05)
                .dtype(Dtype.FLOAT32)
                .trainData(DATA.resolve("train.jsonl"))
                .build();
        List<List<Double>> losses = new ArrayList<>();
        for (ProviderKind kind : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            try (TrainingSession session = TrainingSession.open(providers(), Fixture.MODEL.toString(), config, kind)) {
                losses.add(IntStream.range(0, 5)
                        .mapToObj(step -> session.trainStep().loss())
                        .toList());
            }
        }

        double largest = IntStream.range(0, 5)
                .mapToDouble(
                        step -> Math.abs(losses.get(0).get(step) - losses.get(1).get(step)))
                .max()
                .orElseThrow();
        System.out.printf(Locale.ROOT, "training: losses of mlx and hf differ by %.1e at most%n", largest);
        assertThat(largest).isLessThan(Tolerance.of(1e-4));
        assertThat(losses.get(0).get(4)).isLessThan(losses.get(0).get(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "mistral", "gpt2"})
    void shouldHaveTheGradientsOfTorch(String model) throws Exception {
        TrainingConfig config = TrainingConfig.builder(TrainingMethod.FULL).build();
        Batch batch =
                new Batch(List.of(List.of(5, 77, 400, 12, 900, 33, 8, 21), List.of(7, 300, 301, 302)), List.of(1, 2));
        List<Map<String, float[]>> gradients = new ArrayList<>();
        for (ProviderKind kind : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            Path file = folder.resolve(kind.id() + ".safetensors");
            try (TrainingSession session =
                    TrainingSession.open(providers(), MadeModels.of(model).toString(), config, kind)) {
                session.gradients(batch, file);
                assertThat(session.trainStep(batch).step()).isEqualTo(1);
            }
            gradients.add(floats(file));
        }

        Map<String, float[]> mlx = gradients.get(0);
        Map<String, float[]> torch = gradients.get(1);
        assertThat(mlx.keySet()).isEqualTo(torch.keySet()).hasSizeGreaterThan(20);
        double worst = 0;
        for (String name : torch.keySet()) {
            float[] one = mlx.get(name);
            float[] other = torch.get(name);
            double norm = norm(other, new float[other.length]);
            assertThat(one).as(name).hasSameSizeAs(other);
            worst = Math.max(worst, norm(one, other) / norm);
        }
        System.out.printf(
                Locale.ROOT,
                "training: %s, %d gradients differ by %.1e of their norm at most%n",
                model,
                mlx.size(),
                worst);
        assertThat(worst).isLessThan(Tolerance.of(1e-4));
    }

    @Test
    void shouldAccumulateValidateAndSaveByHand() throws Exception {
        TrainingConfig config = config(9).batchSize(2).build();
        Batch batch = Batch.of(List.of(List.of(5, 6, 7, 8)));
        try (TrainingSession session =
                TrainingSession.open(providers(), Fixture.MODEL.toString(), config, ProviderKind.HF)) {
            TrainingInfo info = session.info();
            assertThat(info.train().orElseThrow().sequences()).isEqualTo(48);
            assertThat(info.stepsPerEpoch()).hasValue(24);
            assertThat(info.trainedModules()).anyMatch(name -> name.endsWith("q_proj"));
            assertThat(session.validate(1).sequences()).isEqualTo(2);
            assertThat(session.accumulate().accumulated()).isEqualTo(1);
            assertThat(session.accumulate(batch).accumulated()).isEqualTo(2);
            assertThat(session.applyGradients().step()).isEqualTo(1);
            double at = session.validate(batch).loss();
            assertThat(session.saveCheckpoint(folder.resolve("one"))).isEqualTo(1);
            session.trainStep();
            assertThat(session.validate(batch).loss()).isNotEqualTo(at);
            assertThat(session.loadCheckpoint(folder.resolve("one"))).isEqualTo(1);
            assertThat(session.validate(batch).loss()).isCloseTo(at, within(0.0));
            session.saveAdapter(folder.resolve("adapter"));
            assertThat(folder.resolve("adapter/adapter_config.json")).isRegularFile();
            assertThatExceptionOfType(InvalidRequestException.class)
                    .isThrownBy(() -> session.saveModel(folder.resolve("model")))
                    .withMessageContaining("lora");
        }
    }

    @Test
    void shouldFallBackToTransformersAndSayWhy() throws Exception {
        TrainingConfig config = TrainingConfig.builder(TrainingMethod.LORA).build();
        try (TrainingSession session =
                TrainingSession.open(providers(), MadeModels.of("opt").toString(), config)) {
            assertThat(session.info().backend().provider()).isEqualTo(ProviderKind.HF);
            assertThat(session.info().attempts())
                    .extracting(LoadAttempt::outcome)
                    .containsExactly(LoadAttempt.Outcome.FAILED, LoadAttempt.Outcome.LOADED);
            assertThat(session.info().attempts().get(0).message()).contains("opt");
            double loss =
                    session.trainStep(Batch.of(List.of(List.of(5, 6, 7, 8, 9)))).loss();
            assertThat(session.trainStep(Batch.of(List.of(List.of(5, 6, 7, 8, 9))))
                            .loss())
                    .isLessThan(loss);
        }
    }

    @Test
    void shouldNameTheLineThatIsBad() throws Exception {
        List<String> lines = new ArrayList<>(Files.readAllLines(DATA.resolve("train.jsonl")));
        lines.set(6, "{\"messages\": []}");
        Path data = Files.write(folder.resolve("data.jsonl"), lines);

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> new Trainer(
                                providers(),
                                run(2).training(config(2).trainData(data).build())
                                        .build())
                        .run())
                .withMessageContaining("data.jsonl, line 7")
                .withMessageContaining("messages");
    }

    private TrainingConfig.Builder config(int steps) {
        return TrainingConfig.builder(TrainingMethod.LORA)
                .learningRate(2e-3)
                .totalSteps(steps)
                .trainData(DATA.resolve("train.jsonl"))
                .validData(DATA.resolve("valid.jsonl"));
    }

    private TrainingRun.Builder run(int steps) {
        return TrainingRun.builder(Fixture.MODEL.toString(), config(steps).build(), folder.resolve("run"));
    }

    private static ProviderConfig providers() {
        return Fixture.config(ProviderKind.MLX).build();
    }

    private static String answer(ProviderKind kind, Path adapter) {
        WorkerConfig standard = Fixture.WORKERS;
        ProviderConfig.Builder config = Fixture.config(kind)
                .model(kind, Fixture.MODEL.toString())
                .workers(standard.toBuilder()
                        .model(standard.model().toBuilder().adapter(adapter).build())
                        .build());
        try (ProviderFactory providers = ProviderFactory.create(config.build())) {
            return providers.createTextGenerationAdapter().generate(QUESTION).text();
        }
    }

    private static List<Double> losses(TrainingRun run) throws Exception {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(run.folder().resolve("metrics.jsonl"))) {
            JsonNode fields = new JsonMapper().readTree(line);
            if (fields.path("kind").asText().equals("step")) {
                losses.add(fields.path("loss").asDouble());
            }
        }
        return losses;
    }

    /** The tensors of a safetensors file of float32. */
    private static Map<String, float[]> floats(Path file) throws Exception {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) bytes.getLong();
        JsonNode tensors = new JsonMapper().readTree(new String(bytes.array(), 8, header, StandardCharsets.UTF_8));
        Map<String, float[]> values = new TreeMap<>();
        tensors.properties().stream()
                .filter(tensor -> !tensor.getKey().equals("__metadata__"))
                .forEach(tensor -> {
                    assertThat(tensor.getValue().path("dtype").asText()).isEqualTo("F32");
                    int begin = tensor.getValue().at("/data_offsets/0").asInt();
                    int end = tensor.getValue().at("/data_offsets/1").asInt();
                    float[] floats = new float[(end - begin) / Float.BYTES];
                    bytes.duplicate()
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .position(8 + header + begin)
                            .slice()
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .asFloatBuffer()
                            .get(floats);
                    values.put(tensor.getKey(), floats);
                });
        return values;
    }

    private static double norm(float[] one, float[] other) {
        assertThat(Arrays.stream(new int[] {one.length, other.length})
                        .distinct()
                        .count())
                .isEqualTo(1);
        double sum = 0;
        for (int i = 0; i < one.length; i++) {
            sum += Math.pow((double) one[i] - other[i], 2);
        }
        return Math.sqrt(sum);
    }
}
