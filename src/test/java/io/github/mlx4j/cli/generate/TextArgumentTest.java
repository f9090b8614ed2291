package io.github.mlx4j.cli.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class TextArgumentTest {

    private final String encoding = System.getProperty("sun.jnu.encoding");

    @AfterEach
    void restoreTheEncoding() {
        System.setProperty("sun.jnu.encoding", encoding);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {"`héllo 😀\n`,`héllo 😀`", "`a\r\n`,a", "`a\n\n`,`a\n`", "-,-"})
    void shouldReadTheStandardInputWithoutItsLastLineBreak(String input, String text) throws IOException {
        assertThat(read(input.getBytes(StandardCharsets.UTF_8))).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "\r\n"})
    void shouldRefuseAnEmptyInput(String input) {
        assertThatExceptionOfType(TypeConversionException.class)
                .isThrownBy(() -> read(input.getBytes(StandardCharsets.UTF_8)))
                .withMessage("standard input is empty.");
    }

    @Test
    void shouldRefuseAnInputThatIsNotUtf8OrTooLong() {
        assertThatExceptionOfType(TypeConversionException.class)
                .isThrownBy(() -> read(new byte[] {'h', (byte) 0xe9}))
                .withMessageContaining("not valid UTF-8");
        assertThatExceptionOfType(TypeConversionException.class)
                .isThrownBy(() -> read(new byte[(16 << 20) + 1]))
                .withMessageContaining("larger than 16 MiB");
    }

    @Test
    void shouldRefuseATextWhoseLettersAreLost() throws IOException {
        String lost = "h\uFFFD\uFFFDllo";
        System.setProperty("sun.jnu.encoding", "ANSI_X3.4-1968"); // of LC_ALL=POSIX
        assertThatExceptionOfType(TypeConversionException.class)
                .isThrownBy(() -> new TextArgument().convert(lost))
                .withMessageContaining("LC_ALL=C.UTF-8");
        System.setProperty("sun.jnu.encoding", "UTF-8"); // then it is what the user wrote
        assertThat(new TextArgument().convert(lost)).isEqualTo(lost);
    }

    private static String read(byte[] bytes) throws IOException {
        return TextArgument.read(new ByteArrayInputStream(bytes));
    }
}
