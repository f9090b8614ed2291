package io.github.mlx4j.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.AppleDoubleFiles;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.FolderLock;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.Schedule;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
class TrainerTest {

    private static final TrainingListener NOBODY = new TrainingListener() {};

    @TempDir
    private Path folder;

    private FakeTraining fake;
    private Path run;

    @BeforeEach
    void makeFake() {
        fake = new FakeTraining(folder);
        run = folder.resolve("run");
    }

    @Test
    void shouldKeepAllOfARunInItsFolder() throws Exception {
        TrainingReport report =
                train(fake.run("fake", 5).validateEvery(2).keepCheckpoints(2).build());

        assertThat(report.outcome()).isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(report.steps()).isEqualTo(5);
        assertThat(report.lastLoss()).isLessThan(report.firstLoss());
        assertThat(report.result()).isEqualTo(run.resolve("adapter"));
        assertThat(report.peakBytes()).isEqualTo(2005);
        assertThat(names(run))
                .containsExactlyInAnyOrder(
                        "adapter",
                        "checkpoints",
                        "config.json",
                        "loss.svg",
                        "metrics.jsonl",
                        "report.html",
                        "report.json",
                        "run.lock");
        assertThat(names(run.resolve("checkpoints"))).containsExactlyInAnyOrder("step-000004", "step-000005");
        assertThat(FakeTraining.metrics(run))
                .extracting(
                        line -> line.path("kind").asText() + line.path("step").asInt())
                .containsExactly(
                        "validation0",
                        "step1",
                        "step2",
                        "validation2",
                        "step3",
                        "step4",
                        "validation4",
                        "step5",
                        "validation5");
        JsonNode json = new JsonMapper().readTree(Files.readString(run.resolve("report.json")));
        assertThat(json.path("attempts").get(0).path("provider").asText()).isEqualTo("mlx");
        assertThat(json.path("packages").path("fake").asText()).isEqualTo("1");
        assertThat(Files.readString(run.resolve("report.html")))
                .contains("<svg ", "Completed all 5 steps", "validation", "&quot;learningRate&quot; : 0.05")
                .doesNotContain("<script", "src=", "href=");
        assertThat(TrainingRun.in(run).training().learningRate()).isEqualTo(0.05);
    }

    @Test
    void shouldTellAListenerAndOutliveItsErrors() throws Exception {
        List<String> news = new ArrayList<>();
        TrainingListener listener = new TrainingListener() {
            @Override
            public void onStart(TrainingInfo info, int step, int totalSteps) {
                news.add("start %d %d %s".formatted(step, totalSteps, info.stepsPerEpoch()));
            }

            @Override
            public void onStep(TrainingProgress progress) {
                news.add("step " + progress.step().step());
                throw new IllegalStateException("of the listener");
            }

            @Override
            public void onValidation(int step, Validation validation) {
                news.add("validation " + step);
            }

            @Override
            public void onCheckpoint(int step, Path checkpoint) {
                news.add("checkpoint " + step);
            }
        };

        new Trainer(fake.providers(), fake.run("fake", 2).build(), listener).run();

        assertThat(news)
                .containsExactly(
                        "start 0 2 OptionalDouble[4.0]",
                        "validation 0",
                        "step 1",
                        "step 2",
                        "validation 2",
                        "checkpoint 2");
    }

    @Test
    void shouldGoOnBitForBitAfterTheWorkerWasKilled() throws Exception {
        TrainingReport whole =
                train(fake.run("fake", 7).folder(folder.resolve("whole")).build());
        TrainingRun broken = fake.run(
                        FakeTraining.model(
                                "dieAt", 6, "once", folder.resolve("died").toString()),
                        7)
                .build();

        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> train(broken))
                .satisfies(death -> assertThat(death.exitCode()).isEqualTo(137))
                .withMessageContaining("the last words");
        assertThat(Files.readString(run.resolve("report.html"))).contains("Failed after 5 of 7 steps");
        assertThat(FakeTraining.losses(run)).hasSize(5); // of which the checkpoint has four
        TrainingReport resumed =
                Trainer.resume(fake.providers(), TrainingRun.in(run), NOBODY).run();

        assertThat(resumed.outcome()).isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(resumed.attempts()).hasSize(1);
        assertThat(FakeTraining.losses(run)).hasSize(7).isEqualTo(FakeTraining.losses(folder.resolve("whole")));
        assertThat(Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors")))
                .isEqualTo(Files.readAllBytes(whole.result().resolve("adapter_model.safetensors")));
    }

    @Test
    void shouldGoOnFromTheNewestCheckpointThatIsWhole() throws Exception {
        train(fake.run("fake", 6).build());
        List<Double> losses = FakeTraining.losses(run);
        Files.writeString(run.resolve("checkpoints/step-000006/weights.safetensors"), "torn");
        Files.delete(run.resolve("checkpoints/step-000004/trainer.json"));

        List<Integer> begins = new ArrayList<>();
        TrainingReport report = Trainer.resume(fake.providers(), TrainingRun.in(run), new TrainingListener() {
                    @Override
                    public void onStart(TrainingInfo info, int step, int totalSteps) {
                        begins.add(step);
                    }
                })
                .run();

        assertThat(begins).containsExactly(2);
        assertThat(report.outcome()).isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(FakeTraining.losses(run)).isEqualTo(losses);
    }

    @Test
    void shouldKeepWhatItWritesWhenALaterCheckpointIsDamaged() throws Exception {
        train(fake.run("fake", 8).keepCheckpoints(2).build());
        Files.writeString(run.resolve("checkpoints/step-000008/weights.safetensors"), "torn");
        TrainingRun again = TrainingRun.in(run).toBuilder()
                .model(FakeTraining.model("dieAt", 8))
                .checkpointEvery(1)
                .keepCheckpoints(1)
                .build();
        rename(again.model());

        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(
                        () -> Trainer.resume(fake.providers(), again, NOBODY).run());

        assertThat(names(run.resolve("checkpoints"))).containsExactlyInAnyOrder("step-000007", "step-000008");
    }

    @Test
    void shouldWriteACheckpointWhenItIsCancelledBetweenSteps() throws Exception {
        AtomicReference<Trainer> trainer = new AtomicReference<>();
        trainer.set(new Trainer(fake.providers(), fake.run("fake", 9).build(), new TrainingListener() {
            @Override
            public void onStep(TrainingProgress progress) {
                if (progress.step().step() == 3) {
                    trainer.get().cancel();
                }
            }
        }));

        TrainingReport report = trainer.get().run();

        assertThat(report.outcome()).isEqualTo(TrainingReport.Outcome.CANCELLED);
        assertThat(report.steps()).isEqualTo(3);
        assertThat(report.result()).isNull();
        assertThat(report.checkpoint()).isEqualTo(run.resolve("checkpoints/step-000003"));
        assertThat(Trainer.resume(fake.providers(), TrainingRun.in(run), NOBODY)
                        .run()
                        .outcome())
                .isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(FakeTraining.losses(run)).hasSize(9);
    }

    @Test
    void shouldSayWhatIsLostWhenThereIsNoRoomForACheckpointOfACancelledRun() throws Exception {
        AtomicReference<Trainer> trainer = new AtomicReference<>();
        TrainingRun full = fake.run(FakeTraining.model("fullAt", 3), 9).build();
        trainer.set(new Trainer(fake.providers(), full, new TrainingListener() {
            @Override
            public void onStep(TrainingProgress progress) {
                if (progress.step().step() == 3) {
                    trainer.get().cancel();
                }
            }
        }));

        TrainingReport report = trainer.get().run();

        assertThat(report.outcome()).isEqualTo(TrainingReport.Outcome.CANCELLED);
        assertThat(report.checkpoint()).isEqualTo(run.resolve("checkpoints/step-000002"));
        assertThat(report.warnings()).singleElement().asString().contains("after step 2 is lost", "no space left");
    }

    @Test
    void shouldGiveUpAStepWhenTheThreadIsInterruptedWithinIt() throws Exception {
        Path reached = folder.resolve("reached");
        TrainingRun slow = fake.run(FakeTraining.model("slowAt", 4, "reached", reached.toString()), 9)
                .training(fake.config().accumulation(1000).totalSteps(9).build())
                .build();
        CompletableFuture<TrainingReport> end = new CompletableFuture<>();
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                end.complete(train(slow));
            } catch (Exception | AssertionError failure) {
                end.completeExceptionally(failure);
            }
            interrupted.complete(Thread.currentThread().isInterrupted());
        });
        caller.start();
        await().atMost(1, TimeUnit.MINUTES).until(() -> Files.exists(reached));
        caller.interrupt();

        assertThat(end.get().outcome()).isEqualTo(TrainingReport.Outcome.CANCELLED);
        assertThat(end.get().steps()).isEqualTo(3);
        assertThat(interrupted.get()).isTrue();
        assertThat(run.resolve("checkpoints/step-000003")).isDirectory();
    }

    @Test
    void shouldEndWhenItsFutureIsEndedByTheCaller() throws Exception {
        Trainer trainer =
                new Trainer(fake.providers(), fake.run("fake", 100_000).build());

        trainer.start().cancel(true);

        await().atMost(1, TimeUnit.MINUTES).until(trainer::isCancelled);
    }

    @Test
    void shouldFailWhenItIsCancelledBeforeItBegins() throws Exception {
        Trainer trainer = new Trainer(fake.providers(), fake.run("fake", 2).build());
        trainer.cancel();

        assertThatExceptionOfType(CancelledException.class).isThrownBy(trainer::run);
        assertThat(new Trainer(fake.providers(), fake.run("fake", 2).build())
                        .run()
                        .steps())
                .isEqualTo(2); // nothing is in the way of a new run
    }

    @Test
    void shouldStopEarlyAndKeepTheBest() throws Exception {
        Map<String, Double> losses = Map.of("0", 3.0, "1", 2.0, "2", 1.0, "3", 1.5, "4", 0.95, "5", 2.0, "6", 0.1);
        TrainingReport report = train(fake.run(FakeTraining.model("valid", losses), 9)
                .validateEvery(1)
                .checkpointEvery(0)
                .keepCheckpoints(1)
                .patience(2)
                .minDelta(0.1)
                .build());

        assertThat(report.outcome()).isEqualTo(TrainingReport.Outcome.STOPPED_EARLY);
        assertThat(report.steps()).isEqualTo(4);
        assertThat(report.resultStep()).isEqualTo(2);
        assertThat(names(run.resolve("checkpoints"))).containsExactlyInAnyOrder("step-000002", "step-000004");
        assertThat(Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors")))
                .isEqualTo(Files.readAllBytes(run.resolve("checkpoints/step-000002/weights.safetensors")));
    }

    @Test
    void shouldKeepWhatWasSavedWhenTheDiskIsFull() throws Exception {
        TrainingRun full = fake.run(FakeTraining.model("fullAt", 4), 6).build();

        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> train(full))
                .withMessageContaining("no space left")
                .withMessageContaining("step-000004");
        assertThat(names(run.resolve("checkpoints"))).containsExactly("step-000002");
        assertThat(FakeTraining.losses(run)).hasSize(4);
    }

    @Test
    void shouldFailAtAStepWhoseLossIsNoNumber() throws Exception {
        TrainingRun broken = fake.run(FakeTraining.model("nanAt", 3), 6).build();

        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> train(broken))
                .withMessageContaining("step 3");
        assertThat(names(run.resolve("checkpoints"))).containsExactly("step-000002");
    }

    @Test
    void shouldRefuseAFolderThatAnotherRunHas() throws Exception {
        Files.createDirectories(run);
        try (FolderLock other = FolderLock.take(run)) {
            assertThat(other).isNotNull();
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> train(fake.run("fake", 2).build()))
                    .withMessageContaining("Another run is using the folder");
        }
    }

    @Test
    void shouldRefuseAFolderThatHasSomething() throws Exception {
        train(fake.run("fake", 2).build());
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> train(fake.run("fake", 2).build()))
                .withMessageContaining("already contains a run")
                .withMessageContaining("--resume");
        Path other = Files.createDirectories(folder.resolve("other"));
        Files.writeString(other.resolve("mine.txt"), "mine");
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> train(fake.run("fake", 2).folder(other).build()))
                .withMessageContaining("it contains mine.txt");
        assertThat(names(other)).as("nothing is left behind").containsExactly("mine.txt");
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> TrainingRun.in(other))
                .withMessageContaining("There is no run in " + other);
    }

    @Test
    void shouldKeepARunWhenCompanionFilesOfMacosAppear() throws Exception {
        Path expected = train(
                        fake.run("fake", 7).folder(folder.resolve("whole")).build())
                .result();
        Files.createDirectories(run);
        Files.createFile(run.resolve(".DS_Store"));
        TrainingListener macos = new TrainingListener() {
            @Override
            public void onStep(TrainingProgress progress) {
                scatter(run);
            }

            @Override
            public void onCheckpoint(int step, Path saved) {
                scatter(run);
            }
        };
        String dies =
                FakeTraining.model("dieAt", 6, "once", folder.resolve("died").toString());
        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> new Trainer(
                                fake.providers(),
                                fake.run(dies, 7).keepCheckpoints(1).build(),
                                macos)
                        .run());
        Files.createDirectories(run.resolve("adapter"));
        scatter(run);
        TrainingReport resumed =
                Trainer.resume(fake.providers(), TrainingRun.in(run), macos).run();

        assertThat(resumed.outcome()).isEqualTo(TrainingReport.Outcome.COMPLETED);
        assertThat(FileTree.list(run.resolve("checkpoints"))).hasSize(1);
        assertThat(run.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(expected.resolve("adapter_model.safetensors"));
    }

    private static void scatter(Path run) {
        try {
            AppleDoubleFiles.scatter(run);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Test
    void shouldGoOnWhenFilesAreNamedByAnotherPath() throws Exception {
        train(fake.run("fake", 2).build());
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
        TrainingRun longer = TrainingRun.in(run).toBuilder()
                .training(fake.config()
                        .epochs(1)
                        .trainData(link.resolve("train.jsonl"))
                        .validData(link.resolve("valid.jsonl"))
                        .build())
                .build();

        assertThat(Trainer.resume(fake.providers(), longer, NOBODY).run().steps())
                .isEqualTo(4);
    }

    @Test
    void shouldRefuseARunInsideTheModelByAnotherPath() throws Exception {
        Path model = Files.createDirectory(folder.resolve("model"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), model);

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> fake.run(model.toString(), 2)
                        .folder(link.resolve("run"))
                        .build())
                .withMessageContaining("is inside the model folder");
    }

    @Test
    void shouldRefuseToGoOnAsAnotherTraining() throws Exception {
        train(fake.run("fake", 2).build());
        TrainingRun other = TrainingRun.in(run).toBuilder()
                .training(fake.config().learningRate(0.01).seed(3).totalSteps(4).build())
                .build();

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(
                        () -> Trainer.resume(fake.providers(), other, NOBODY).run())
                .withMessageContaining("learningRate was 0.05 and is now 0.01; seed was 0 and is now 3");
        Files.writeString(folder.resolve("train.jsonl"), "{\"text\": \"more\"}\n", StandardOpenOption.APPEND);
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> Trainer.resume(fake.providers(), TrainingRun.in(run), NOBODY)
                        .run())
                .withMessageContaining("the content of trainData has changed");
    }

    @Test
    void shouldMakeARunLongerButNotShorter() throws Exception {
        train(fake.run("fake", 2).build());
        TrainingRun longer = TrainingRun.in(run).toBuilder()
                .training(fake.config().epochs(2).build())
                .build();

        assertThat(Trainer.resume(fake.providers(), longer, NOBODY).run().steps())
                .isEqualTo(8);
        assertThat(TrainingRun.in(run).training().epochs()).isEqualTo(2);
        TrainingRun shorter = TrainingRun.in(run).toBuilder()
                .training(fake.config().totalSteps(3).build())
                .build();
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(
                        () -> Trainer.resume(fake.providers(), shorter, NOBODY).run())
                .withMessageContaining("already has 8 steps");
    }

    @Test
    void shouldNotBeginWhenALineIsBad() throws Exception {
        fake.config();
        Files.writeString(folder.resolve("train.jsonl"), "{\"text\": \"fine\"}\n{\"text\": 7}\n");

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> train(fake.run("fake", 2).build()))
                .withMessageContaining("train.jsonl, line 2: text must be a non-empty string");
        assertThat(names(run)).containsExactly(FolderLock.FILE);
        assertThat(Files.readAllLines(folder.resolve("mlx/calls"))).containsExactly("probe", "worker");
        assertThat(folder.resolve("hf/calls")).doesNotExist(); // where it would be as bad
    }

    @Test
    void shouldWriteAModelWhenAllOfItIsTrained() throws Exception {
        TrainingRun full = fake.run("fake", 2)
                .training(TrainingConfig.builder(TrainingMethod.FULL)
                        .batchSize(2)
                        .schedule(Schedule.COSINE)
                        .epochs(1)
                        .trainData(fake.config().build().trainData())
                        .build())
                .build();

        TrainingReport report = train(full);

        assertThat(report.totalSteps()).isEqualTo(4);
        assertThat(report.result()).isEqualTo(run.resolve("model"));
        assertThat(report.warnings()).containsExactly("a warning of the model");
        assertThat(report.validations()).isEmpty();
        assertThat(FakeTraining.metrics(run).get(2).path("learningRate").asDouble())
                .isCloseTo(FakeTraining.metrics(run).get(0).path("learningRate").asDouble() / 2, within(1e-4))
                .isLessThan(
                        FakeTraining.metrics(run).get(1).path("learningRate").asDouble());
    }

    /** Makes the run in the folder one of a model with another name. */
    private void rename(String model) throws Exception {
        RunSettings.of(TrainingRun.in(run).toBuilder().model(model).build(), ProviderKind.MLX)
                .write(run);
    }

    private TrainingReport train(TrainingRun one) throws Exception {
        return new Trainer(fake.providers(), one).run();
    }

    private static List<String> names(Path of) throws Exception {
        try (Stream<Path> files = Files.list(of)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
