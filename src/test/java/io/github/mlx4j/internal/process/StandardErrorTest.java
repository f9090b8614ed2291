package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StandardErrorTest {

    private static final int KEPT = 8 * 1024;

    @Test
    void shouldKeepEverythingWhenItIsShort() {
        assertThat(tailOf("Traceback:\n  J\u00f6rg \ud83d\udc4b\n")).isEqualTo("Traceback:\n  J\u00f6rg \ud83d\udc4b");
    }

    @Test
    void shouldBeEmptyWhenNothingWasWritten() {
        assertThat(tailOf("")).isEmpty();
    }

    @Test
    void shouldKeepTheLastWholeLinesWhenItIsLong() {
        String all = IntStream.range(0, 5000).mapToObj(i -> "line " + i).collect(Collectors.joining("\n", "", "\n"));

        String tail = tailOf(all);

        assertThat(tail.lines()).last().isEqualTo("line 4999");
        assertThat(tail.lines()).allMatch(line -> line.matches("line \\d{4}"));
        assertThat(tail.length()).isBetween(KEPT - 20, KEPT);
        assertThat(all.strip()).endsWith(tail);
    }

    @Test
    void shouldKeepTheEndWhenOneLineIsTooLong() {
        assertThat(tailOf("x".repeat(KEPT) + "the end")).hasSize(KEPT).endsWith("xthe end");
    }

    @Test
    void shouldTakeProgressBarsForLinesWhenTheyReturnTheCarriage() {
        assertThat(tailOf("10%\r20%\rdone\n")).isEqualTo("10%\n20%\ndone");
    }

    @Test
    void shouldKeepWhatCameWhenTheStreamBreaks() {
        StandardError error = new StandardError();

        error.drain(new SequenceInputStream(
                new ByteArrayInputStream("last words".getBytes(StandardCharsets.UTF_8)), new InputStream() {
                    @Override
                    public int read() throws IOException {
                        throw new IOException("the pipe broke");
                    }
                }));

        assertThat(error.tail()).isEqualTo("last words");
    }

    private static String tailOf(String written) {
        StandardError error = new StandardError();
        error.drain(new ByteArrayInputStream(written.getBytes(StandardCharsets.UTF_8)));
        return error.tail();
    }
}
