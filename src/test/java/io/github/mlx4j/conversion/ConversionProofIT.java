package io.github.mlx4j.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.it.MadeModels;
import io.github.mlx4j.it.Tolerance;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests errors that the comparison with transformers finds and a comparison of mlx with itself can't. Uses both real
 * workers.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ConversionProofIT {

    private final ProviderConfig providers = Fixture.config(ProviderKind.MLX).build();
    private final ModelConverter converter = new ModelConverter(providers);

    private Path target = Path.of("none");

    @BeforeEach
    void chooseTarget(@TempDir Path folder) {
        target = folder.resolve("converted");
    }

    @Test
    void shouldRefuseAModelThatMlxComputesOtherwiseThanTransformers() {
        ModelConverter wrong = withGemmaAsMlxLmHasIt();
        ConversionConfig config = ConversionConfig.builder(
                        MadeModels.of("gemma").toString(), target)
                .build();

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> wrong.convert(config))
                .withMessageContaining("differs from what transformers computes for the source: relativeDifference");
        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> wrong.convert(
                        config.toBuilder().quantization(Quantization.affine(8)).build()));
        assertThat(target.getParent()).isEmptyDirectory();

        assertThat(wrong.convert(config.toBuilder().verifyWith(VerifyWith.NONE).build())
                        .verification()
                        .relativeDifference())
                .isLessThan(1e-6); // mlx agrees with itself
    }

    @Test
    void shouldCompareWithTransformersByDefault() {
        ConversionReport.Proof proof = converter
                .convert(ConversionConfig.builder(MadeModels.of("gemma").toString(), target)
                        .build())
                .verification();

        ConversionReport.Transformers found = proof.transformers();
        assertThat(proof.notCompared()).isNull();
        assertThat(found.dtype()).isEqualTo("float32");
        assertThat(found.bound().of()).isEqualTo("relativeDifference");
        assertThat(found.relativeDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(found.sourceDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(found.positions()).isEqualTo(proof.positions());
    }

    @Test
    void shouldCompareWeightsOf16BitsInFloat32() {
        converter.convert(ConversionConfig.builder(MadeModels.of("gemma").toString(), target)
                .dtype(Dtype.BFLOAT16)
                .build());
        Path again = target.resolveSibling("again");

        ConversionReport.Transformers found = converter
                .convert(ConversionConfig.builder(target.toString(), again)
                        .verifyWith(VerifyWith.HF)
                        .build())
                .verification()
                .transformers();

        assertThat(found.sourceDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(found.bound().of()).isEqualTo("meanDivergence");
        assertThat(found.meanDivergence()).isLessThan(0.01);
    }

    @Test
    void shouldCompareAFusedAdapterWithThatOfPeft() {
        FusionConfig config = FusionConfig.builder(Fixture.MODEL.toString(), target)
                .adapter(MadeModels.of("peft"))
                .build();

        ConversionReport.Transformers found =
                converter.fuse(config).verification().transformers();

        assertThat(found.sourceDifference()).isLessThan(Tolerance.of(1e-5));
        assertThat(found.relativeDifference()).isLessThan(Tolerance.of(1e-4));
    }

    @Test
    void shouldSayWhyThereWasNoComparison() {
        converter.convert(ConversionConfig.builder(MadeModels.of("llama").toString(), target)
                .quantization(Quantization.affine(8))
                .build());
        Path again = target.resolveSibling("again");
        ConversionConfig quantized =
                ConversionConfig.builder(target.toString(), again).build();

        assertThatExceptionOfType(ConversionException.class)
                .isThrownBy(() -> converter.convert(
                        quantized.toBuilder().verifyWith(VerifyWith.HF).build()))
                .withMessageContaining("not possible")
                .withMessageContaining("quantized in MLX's format");
        assertThat(converter.convert(quantized).verification().notCompared()).contains("quantized in MLX's format");
    }

    /** A converter whose mlx worker lacks the correction of Gemma's activation. */
    private ModelConverter withGemmaAsMlxLmHasIt() {
        BundledScripts bundled = new BundledScripts("mlx_worker.py");
        WorkerScripts wrong = folder -> {
            Path entry = bundled.install(folder);
            Path corrections = folder.resolve("mlx4j_worker/mlx/compat.py");
            String text = Files.readString(corrections);
            assertThat(text).contains(", \"gemma\": _Gemma}");
            Files.writeString(corrections, text.replace(", \"gemma\": _Gemma}", "}"));
            return entry;
        };
        return new ModelConverter(
                new ModelConverter.Engine(providers.probe(ProviderKind.MLX)::check, wrong),
                new ModelConverter.Engine(providers.probe(ProviderKind.HF)::check, new BundledScripts("hf_worker.py")),
                false,
                Map.of(),
                SandboxMode.AUTO);
    }
}
