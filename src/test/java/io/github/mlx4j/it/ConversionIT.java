package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.compare.ComparedModel;
import io.github.mlx4j.compare.ModelVerifier;
import io.github.mlx4j.compare.Prompts;
import io.github.mlx4j.compare.Verification;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.conversion.ConversionConfig;
import io.github.mlx4j.conversion.ConversionListener;
import io.github.mlx4j.conversion.ConversionReport;
import io.github.mlx4j.conversion.FusionConfig;
import io.github.mlx4j.conversion.ModelConverter;
import io.github.mlx4j.conversion.Quantization;
import io.github.mlx4j.conversion.VerifyWith;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.model.ModelFormat;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests conversion and fusing with the real mlx worker: the result must match the source on both engines. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ConversionIT {

    private final ModelConverter converter =
            new ModelConverter(Fixture.config(ProviderKind.MLX).build());

    private Path target = Path.of("none");

    @BeforeEach
    void chooseTarget(@TempDir Path folder) {
        target = folder.resolve("converted");
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama-llama3", "mistral", "gpt2"})
    void shouldBeTheSourceOnTransformersWhenConvertedForMlx(String kind) throws Exception {
        Path source = MadeModels.of(kind);
        var before = MadeModels.snapshot(source);

        ConversionReport report = converter.convert(
                ConversionConfig.builder(source.toString(), target).build());

        assertThat(report.verification().weights()).isEqualTo(ConversionReport.Change.SAME);
        assertThat(report.verification().maxDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(report.verification().transformers().relativeDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(report.verification().mlxLmDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(report.bytes()).isEqualTo(report.sourceBytes());
        assertThat(report.warnings()).isEmpty();
        assertThat(ModelInspector.inspect(target).format()).isEqualTo(ModelFormat.MLX);
        try (ProviderFactory hf = Fixture.factory(ProviderKind.HF, source);
                ProviderFactory mlx = Fixture.factory(ProviderKind.MLX, target)) {
            Verification found =
                    ModelVerifier.verify(side(hf), side(mlx), Prompts.builtIn(true), Tolerance.of(1e-4), 24);
            System.out.printf("%s: hf against its conversion on mlx, %.1e%n", kind, found.maxDifference());
            assertThat(found.passed()).as("%s", found.reasons()).isTrue();
        }
        assertThat(MadeModels.snapshot(source)).isEqualTo(before);
    }

    @Test
    void shouldAnswerWithFewerBytesWhenQuantized() {
        ConversionReport report = converter.convert(
                onMlx().toBuilder().quantization(Quantization.affine(8)).build());

        assertThat(report.quantization()).isEqualTo(Quantization.affine(8));
        assertThat(report.bytes()).isLessThan(report.sourceBytes() / 3);
        assertThat(report.unquantized()).isEmpty();
        assertThat(ModelInspector.inspect(target).format()).isEqualTo(ModelFormat.MLX_QUANTIZED);
        assertThat(story(target, null).text()).isNotBlank();
    }

    @Test
    void shouldAnswerAsWithTheAdapterWhenFused() {
        Path adapter = MadeModels.of("peft");

        ConversionReport report = converter.fuse(FusionConfig.builder(Fixture.MODEL.toString(), target)
                .adapter(adapter)
                .verifyWith(VerifyWith.NONE)
                .build());

        assertThat(report.adapter()).isEqualTo(adapter.toString());
        assertThat(story(target, null).tokens())
                .isEqualTo(story(Fixture.MODEL, adapter).tokens())
                .isNotEqualTo(story(Fixture.MODEL, null).tokens());
    }

    @Test
    void shouldRefuseByNameAndWriteNothing() throws Exception {
        Files.createDirectories(target);
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> converter.convert(onMlx()))
                .withMessageContaining(target + " already exists");
        Files.delete(target);
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> converter.fuse(
                        FusionConfig.builder(Fixture.MODEL.toString(), target).build()))
                .withMessageContaining("no adapter");
        Path empty = Files.createDirectories(target.resolveSibling("empty"));
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> converter.convert(ConversionConfig.builder(empty.toString(), target)
                        .verifyWith(VerifyWith.NONE)
                        .build()));
        assertThat(target.getParent()).isDirectoryNotContaining(path -> !path.equals(empty));
    }

    @Test
    void shouldLeaveNoTargetWhenCancelledOrKilled() throws Exception {
        AtomicReference<Thread> converting = new AtomicReference<>();
        CompletableFuture<Mlx4jException> cancelled = failure(
                (phase, done, total, unit) ->
                        at("import", phase, () -> converting.get().interrupt()),
                converting);
        await().atMost(60, TimeUnit.SECONDS).until(cancelled::isDone);
        assertThat(cancelled.join()).isInstanceOf(CancelledException.class);
        assertThat(target.getParent()).isEmptyDirectory();

        CompletableFuture<Mlx4jException> killed = failure(
                (phase, done, total, unit) -> at(
                        "load", phase, () -> Fixture.workers(ProviderKind.MLX).forEach(ProcessHandle::destroyForcibly)),
                converting);
        await().atMost(60, TimeUnit.SECONDS).until(killed::isDone);
        assertThat(killed.join()).isInstanceOf(WorkerDiedException.class);
        assertThat(target).doesNotExist();

        converter.convert(onMlx());
        assertThat(target.getParent()).isDirectoryNotContaining("glob:**.mlx4j-part");
        assertThat(target).isDirectory();
    }

    /** The model of the tests, without the comparison with transformers, which ConversionProofIT tests. */
    private ConversionConfig onMlx() {
        return ConversionConfig.builder(Fixture.MODEL.toString(), target)
                .verifyWith(VerifyWith.NONE)
                .build();
    }

    private static void at(String wanted, String phase, Runnable action) {
        if (phase.equals(wanted)) {
            action.run();
        }
    }

    private CompletableFuture<Mlx4jException> failure(ConversionListener listener, AtomicReference<Thread> converting) {
        CompletableFuture<Mlx4jException> failure = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                converter.convert(onMlx(), listener);
                failure.completeExceptionally(new AssertionError("it was converted"));
            } catch (Mlx4jException error) {
                failure.complete(error);
            }
        });
        converting.set(thread);
        thread.start();
        return failure;
    }

    private static GenerationResult story(Path model, Path adapter) {
        LoadConfig options = LoadConfig.builder().adapter(adapter).build();
        ProviderConfig config = Fixture.config(ProviderKind.MLX)
                .model(ProviderKind.MLX, model.toString())
                .workers(Fixture.WORKERS.toBuilder().model(options).build())
                .build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            return providers
                    .createTextGenerationAdapter()
                    .generate(GenerationRequest.builder()
                            .user(Fixture.STORY)
                            .temperature(0)
                            .maxTokens(60)
                            .build());
        }
    }

    private static ComparedModel side(ProviderFactory providers) {
        return new ComparedModel(
                providers.selection().provider().id(),
                providers.createTextGenerationAdapter(),
                providers.createTokenizer(),
                providers.createAnalysisAdapter());
    }
}
