package io.github.mlx4j.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Creates trainings with the worker without ML packages, {@code python/tests/fake_training.py}, which documents the
 * faults that it can simulate.
 */
public final class FakeTraining {

    /** Its entry script. */
    public static final WorkerScripts SCRIPTS =
            folder -> Path.of("python", "tests", "fake_training.py").toAbsolutePath();

    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;

    /** Its files go into a folder. */
    FakeTraining(Path folder) {
        this.folder = folder;
    }

    /** Both backends are the fake worker. */
    ProviderConfig providers() throws IOException {
        return providers(SCRIPTS);
    }

    /** The same with another worker as mlx. */
    ProviderConfig providers(WorkerScripts mlx) throws IOException {
        return ProviderConfig.builder()
                .interpreter(
                        ProviderKind.MLX,
                        StubPython.withWorker(folder.resolve("mlx/python"), mlx).toString())
                .interpreter(
                        ProviderKind.HF,
                        StubPython.withWorker(folder.resolve("hf/python"), SCRIPTS)
                                .toString())
                .allowAnyPlatform(true)
                .build();
    }

    /** A model that does as this script says. */
    static String model(Object... namesAndValues) {
        Map<String, Object> script = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            script.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        try {
            return JSON.writeValueAsString(script);
        } catch (JsonProcessingException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Eight sequences to train on and one to validate on, and a learning rate at which the loss falls. */
    TrainingConfig.Builder config() throws IOException {
        Path train = folder.resolve("train.jsonl");
        if (!Files.exists(train)) {
            Files.writeString(train, "{\"text\": \"abcde\"}\n".repeat(8));
            Files.writeString(folder.resolve("valid.jsonl"), "{\"text\": \"abcde\"}\n");
        }
        return TrainingConfig.builder(TrainingMethod.LORA)
                .learningRate(0.05)
                .batchSize(2)
                .trainData(train)
                .validData(folder.resolve("valid.jsonl"));
    }

    /** A run of so many steps that has a checkpoint after every second one. */
    TrainingRun.Builder run(String model, int steps) throws IOException {
        return TrainingRun.builder(model, config().totalSteps(steps).build(), folder.resolve("run"))
                .checkpointEvery(2);
    }

    /** The lines of a run's metrics. */
    static List<JsonNode> metrics(Path run) {
        try {
            return Files.readAllLines(run.resolve(MetricsLog.FILE)).stream()
                    .map(FakeTraining::tree)
                    .toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The losses of a run's steps. */
    static List<Double> losses(Path run) {
        return metrics(run).stream()
                .filter(line -> line.path("kind").asText().equals("step"))
                .map(line -> line.path("loss").asDouble())
                .toList();
    }

    private static JsonNode tree(String line) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException error) {
            throw new UncheckedIOException(error);
        }
    }
}
