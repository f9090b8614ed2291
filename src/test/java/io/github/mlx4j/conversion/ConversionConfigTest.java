package io.github.mlx4j.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ConversionConfigTest {

    private static final ConversionConfig PLAIN =
            ConversionConfig.builder("m", Path.of("new")).build();

    @ParameterizedTest
    @EnumSource(Quantization.Mode.class)
    void shouldTakeWhatAModeHasByItself(Quantization.Mode mode) {
        Quantization usual = Quantization.of(mode);

        assertThat(PLAIN.toBuilder().quantization(usual).build().quantization()).isEqualTo(usual);
        assertThat(usual.mode()).isEqualTo(mode);
    }

    @ParameterizedTest
    @CsvSource({
        "7, 64, AFFINE, bits is 7",
        "4, 16, AFFINE, groupSize is 16",
        "8, 32, MXFP4, bits is 8",
        "4, 64, NVFP4, groupSize is 64",
        "4, 32, MXFP8, bits is 4"
    })
    void shouldRefuseByNameWhatTheModeHasNot(int bits, int groupSize, Quantization.Mode mode, String named) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> PLAIN.toBuilder()
                        .quantization(new Quantization(bits, groupSize, mode))
                        .build())
                .withMessageStartingWith(named)
                .withMessageContaining(mode.id());
    }

    @Test
    void shouldRefuseTwoWaysOfQuantizingAtOnce() {
        ConversionConfig quantized =
                PLAIN.toBuilder().quantization(Quantization.DEFAULT).build();

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> quantized.toBuilder().dequantize(true).build());
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> quantized.toBuilder()
                        .recipe(ConversionConfig.Recipe.MIXED_3_6, 64)
                        .build())
                .withMessageContaining("recipe");
    }
}
