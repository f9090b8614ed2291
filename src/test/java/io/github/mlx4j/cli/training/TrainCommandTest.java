package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.FakeTraining;
import io.github.mlx4j.training.TrainingRun;
import io.github.mlx4j.training.config.Optimizer;
import io.github.mlx4j.training.config.Schedule;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Tests {@code train} and {@code evaluate} with the fake worker. */
@Timeout(60)
class TrainCommandTest {

    private static final Path TINY = Path.of("src", "test", "resources", "models", "tiny-chat");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private Path data;
    private Path run;

    @BeforeEach
    void makeData() throws IOException {
        data = Files.createDirectory(folder.resolve("data"));
        run = folder.resolve("run");
        Files.writeString(data.resolve("train.jsonl"), "{\"text\": \"abcde\"}\n".repeat(8));
        Files.writeString(data.resolve("valid.jsonl"), "{\"text\": \"abcde\"}\n");
    }

    @Test
    void shouldTrainResumeAndEvaluate() throws Exception {
        assertThat(train("--model fake --data %s --steps 2 --output %s".formatted(data, run)))
                .as(err.toString())
                .isZero();
        assertThat(out.toString())
                .contains(
                        "Completed all 2 steps",
                        "validation after 2 steps: loss 1.0000, perplexity 2.718",
                        "result: " + run.resolve("adapter") + " (of step 2)",
                        "report: " + run.resolve("report.html"));
        assertThat(err.toString())
                .contains("mlx on cpu, float32: 1 of 10 parameters are trained, on 8 sequences", "2/2 steps");

        assertThat(train("--resume %s --steps 4 --json".formatted(run)))
                .as(err.toString())
                .isZero();
        assertThat(err.toString()).contains("resuming after step 2");
        assertThat(new JsonMapper().readTree(out.toString()).path("steps").asInt())
                .isEqualTo(4);

        assertThat(execute(
                        new EvaluateCommand(this::providers),
                        "--model fake --data %s/valid.jsonl --json".formatted(data)))
                .as(err.toString())
                .isZero();
        assertThat(new JsonMapper().readTree(out.toString()).path("perplexity").asDouble())
                .isEqualTo(Math.E);
    }

    @Test
    void shouldSayWhyAnotherBackendEvaluates() throws IOException {
        String python = StubPython.withWorker(folder.resolve("hf/python"), FakeTraining.SCRIPTS)
                .toString();
        ProviderConfig withoutMlx = ProviderConfig.builder()
                .interpreter(ProviderKind.MLX, folder.resolve("none").toString())
                .interpreter(ProviderKind.HF, python)
                .allowAnyPlatform(true)
                .build();

        assertThat(execute(new EvaluateCommand(() -> withoutMlx), "--model fake --data %s/valid.jsonl".formatted(data)))
                .as(err.toString())
                .isZero();
        assertThat(out.toString()).endsWith("hf on cpu\n");
        assertThat(err.toString())
                .startsWith("mlx: ")
                .contains(folder.resolve("none").toString());
    }

    @Test
    void shouldSayHowToGoOnWhenTheWorkerDies() {
        String model = "{\"dieAt\":3,\"once\":\"%s\"}".formatted(folder.resolve("died"));
        assertThat(train("--model %s --data %s --steps 4 --checkpoint-every 2 --output %s".formatted(model, data, run)))
                .isEqualTo(1);
        assertThat(err.toString()).contains("You can resume the run: mlx4j train --resume " + run, "WORKER_DIED");
        assertThat(train("--resume " + run)).as(err.toString()).isZero();
    }

    @Test
    void shouldTakeEveryOption() throws IOException {
        Path config = Files.writeString(folder.resolve("config.json"), "{\"rank\": 2, \"alpha\": 3, \"epochs\": 9}");
        TrainingRun asked =
                run("--model org/name --data %s --output %s --config %s --method dora --rank 4 --dropout 0.1"
                        + " --layers 2 --targets q_proj,v_proj --adapter /a --optimizer sgd --learning-rate 0.5 --weight-decay 0.1"
                        + " --schedule cosine --end-learning-rate 0.1 --warmup-steps 3 --steps 50 --max-gradient-norm 2"
                        + " --batch-size 3 --accumulation 5 --gradient-checkpointing --dtype float16 --max-length 99"
                        + " --mask-prompt --seed 11 --validate-every 6 --checkpoint-every 7 --keep-checkpoints 8 --patience 9"
                        + " --min-delta 0.01 --backend hf");

        assertThat(asked)
                .isEqualTo(TrainingRun.builder(
                                "org/name",
                                TrainingConfig.builder(TrainingMethod.DORA)
                                        .rank(4)
                                        .alpha(3.0)
                                        .dropout(0.1)
                                        .layers(2)
                                        .targets(List.of("q_proj", "v_proj"))
                                        .adapter(Path.of("/a"))
                                        .optimizer(Optimizer.SGD)
                                        .learningRate(0.5)
                                        .weightDecay(0.1)
                                        .schedule(Schedule.COSINE)
                                        .endLearningRate(0.1)
                                        .warmupSteps(3)
                                        .totalSteps(50)
                                        .maxGradientNorm(2.0)
                                        .batchSize(3)
                                        .accumulation(5)
                                        .gradientCheckpointing(true)
                                        .dtype(Dtype.FLOAT16)
                                        .maxLength(99)
                                        .maskPrompt(true)
                                        .seed(11)
                                        .trainData(data.resolve("train.jsonl"))
                                        .validData(data.resolve("valid.jsonl"))
                                        .build(),
                                run)
                        .validateEvery(6)
                        .checkpointEvery(7)
                        .keepCheckpoints(8)
                        .patience(9)
                        .minDelta(0.01)
                        .backend(ProviderKind.HF)
                        .build());
    }

    @Test
    void shouldTellAWrongOptionFromAWrongFile() throws IOException {
        Path config = Files.writeString(folder.resolve("config.json"), "{\"rank\": 4, \"totalSteps\": 2}");
        String begin = "--model fake --data %s --output %s --config %s ".formatted(data, run, config);

        assertThat(train(begin + "--rank 0")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--rank is 0.");
        Files.writeString(config, "{\"rank\": 0, \"totalSteps\": 2}");
        assertThat(train(begin)).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: INVALID_CONFIGURATION: rank is 0");
        Files.writeString(config, "{\"totalSteps\": 2, \"epochs\": 2}");
        assertThat(train(begin)).isEqualTo(1);
        assertThat(err.toString()).contains("totalSteps and epochs are both set");
    }

    @Test
    void shouldRefuseWhatMeansNothing() {
        assertThat(train("--data %s --steps 2 --output %s".formatted(data, run)))
                .isEqualTo(2);
        assertThat(err.toString()).contains("--model is required");
        assertThat(train("--model fake --data %s --steps 2".formatted(data))).isEqualTo(2);
        assertThat(train("--resume %s --config x.json".formatted(run))).isEqualTo(2);
        assertThat(train("--model fake --data %s --output %s".formatted(data, run)))
                .isEqualTo(2);
        assertThat(err.toString())
                .startsWith("The length of the run is not set. What to do: Set --steps or --epochs.")
                .doesNotContain("totalSteps");
        assertThat(train("--model fake --config %s --output %s".formatted(data, run)))
                .isEqualTo(1);
        assertThat(err.toString()).contains("Name a file with --config");
        assertThat(run).doesNotExist();
    }

    @Test
    void shouldTakeASmallerBatchOnlyWhereNoneIsGiven() throws IOException {
        Files.writeString(
                data.resolve("train.jsonl"),
                "{\"text\": \"%s\"}\n".formatted("x".repeat(100)).repeat(8));
        String given = "--model %s --data %s --steps 1 --max-length 64 --output %s%s";

        assertThat(limited(given.formatted(TINY, data, run, "")))
                .as(err.toString())
                .isZero();
        assertThat(err.toString())
                .contains(
                        "batch size 2 with accumulation 2, because a batch of 4 may not fit into memory: (20.0 MB allowed by"
                                + " MLX4J_MEMORY_LIMIT_MB − 9.4 MB fixed) / 4.8 MB a row → 2")
                .doesNotContain("warning: A batch size");
        assertThat(TrainingRun.in(run).training().batchSize()).isEqualTo(2);

        assertThat(limited(given.formatted(TINY, data, run + "-given", " --batch-size 4")))
                .as(err.toString())
                .isZero();
        assertThat(err.toString())
                .contains("warning: A batch size of 4 may not fit into memory")
                .doesNotContain("batch size 2 with accumulation 2, since");
        assertThat(TrainingRun.in(Path.of(run + "-given")).training().batchSize())
                .isEqualTo(4);
    }

    @Test
    void shouldNameOptionsWhereNotEvenOneSequenceFits() throws IOException {
        Files.writeString(
                data.resolve("train.jsonl"),
                "{\"text\": \"%s\"}\n".formatted("x".repeat(1000)).repeat(8));

        assertThat(limited("--model %s --data %s --steps 1 --output %s --batch-size 8".formatted(TINY, data, run)))
                .as(err.toString())
                .isZero();
        assertThat(err.toString())
                .contains("fit; a shorter --max-length or --gradient-checkpointing takes less memory.");
        assertThat(out.toString()).contains("a shorter --max-length or --gradient-checkpointing");
    }

    private int limited(String arguments) {
        return execute(
                new TrainCommand(() -> providers(ProviderConfig.builder()
                        .pool(WorkerPoolConfig.builder().reservedBytes(0).build())
                        .workers(WorkerConfig.builder()
                                .model(LoadConfig.builder()
                                        .memoryLimitBytes(20_000_000L)
                                        .build())
                                .build()))),
                arguments);
    }

    private TrainingRun run(String arguments) {
        TrainCommand command = new TrainCommand(this::providers);
        new CommandLine(command)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .parseArgs(arguments
                        .formatted(data, run, folder.resolve("config.json"))
                        .split(" "));
        return command.run();
    }

    private int train(String arguments) {
        return execute(new TrainCommand(this::providers), arguments);
    }

    private int execute(Object command, String arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return new CommandLine(command)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                        .getExecutionExceptionHandler())
                .execute(arguments.split(" "));
    }

    private ProviderConfig providers() {
        return providers(ProviderConfig.builder());
    }

    private ProviderConfig providers(ProviderConfig.Builder builder) {
        try {
            return builder.interpreter(
                            ProviderKind.MLX,
                            StubPython.withWorker(folder.resolve("mlx/python"), FakeTraining.SCRIPTS)
                                    .toString())
                    .allowAnyPlatform(true)
                    .build();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
