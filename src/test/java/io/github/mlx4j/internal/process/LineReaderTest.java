package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LineReaderTest {

    private static final int LIMIT = 10;
    private static final int BUFFER = 1 << 16;

    private final List<byte[]> overlong = new ArrayList<>();

    @Test
    void shouldSplitAtLineFeedsOnly() throws IOException {
        assertThat(lines("a\rb\r\nc\u2028d\u2029e\u0085f\n\u000b\u000c\n"))
                .containsExactly("a\rb\r", "c\u2028d\u2029e\u0085f", "\u000b\u000c");
    }

    @Test
    void shouldGiveEmptyLinesWhenThereAreSome() throws IOException {
        assertThat(lines("\n\na\n")).containsExactly("", "", "a");
    }

    @Test
    void shouldHaveNoneWhenTheStreamIsEmpty() throws IOException {
        assertThat(lines("")).isEmpty();
    }

    @Test
    void shouldDropTheTailWhenItHasNoLineFeed() throws IOException {
        assertThat(lines("a\nhalf")).containsExactly("a");
    }

    @Test
    void shouldGiveTheSameLinesWhereverTheReadsAreCut() throws IOException {
        byte[] bytes = "ab\n\u00e9\ud83d\udc4b\n\ntoo long to keep\nc\n".getBytes(StandardCharsets.UTF_8);

        for (int cut = 0; cut <= bytes.length; cut++) {
            overlong.clear();
            LineReader reader = new LineReader(
                    new SequenceInputStream(
                            new ByteArrayInputStream(bytes, 0, cut),
                            new ByteArrayInputStream(bytes, cut, bytes.length - cut)),
                    LIMIT,
                    overlong::add);

            assertThat(texts(reader)).as("cut at %d", cut).containsExactly("ab", "\u00e9\ud83d\udc4b", "", "c");
            assertThat(overlong).as("cut at %d", cut).hasSize(1);
        }
    }

    @Test
    void shouldGiveTheSameLinesWhenEachReadIsOneByte() throws IOException {
        InputStream slow = new ByteArrayInputStream("ab\ntoo long to keep\nc\n".getBytes(StandardCharsets.UTF_8)) {
            @Override
            public synchronized int read(byte[] into, int offset, int length) {
                return super.read(into, offset, Math.min(1, length));
            }
        };

        assertThat(texts(new LineReader(slow, LIMIT, overlong::add))).containsExactly("ab", "c");
    }

    @Test
    void shouldSkipAndCountALineWhenItIsTooLong() throws IOException {
        LineReader reader =
                reader("x".repeat(LIMIT) + "\n" + "x".repeat(LIMIT + 1) + "\nb\n" + "y".repeat(99) + "\nc\n");

        assertThat(texts(reader)).containsExactly("x".repeat(LIMIT), "b", "c");
        assertThat(overlong).extracting(head -> (char) head[0]).containsExactly('x', 'y');
    }

    @ParameterizedTest
    @ValueSource(ints = {BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER})
    void shouldGiveALineWhenItIsAsLongAsTheBuffer(int length) throws IOException {
        String line = "x".repeat(length);
        LineReader reader = new LineReader(
                new ByteArrayInputStream((line + "\n" + line + "\n").getBytes(StandardCharsets.UTF_8)),
                length,
                overlong::add);

        assertThat(texts(reader)).containsExactly(line, line);
        assertThat(overlong).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {BUFFER, 3 * BUFFER})
    void shouldSkipALineWhenItIsLongerThanTheLimitAndTheBuffer(int limit) throws IOException {
        LineReader reader = new LineReader(
                new ByteArrayInputStream(("x".repeat(limit + 1) + "\nb\n").getBytes(StandardCharsets.UTF_8)),
                limit,
                overlong::add);

        assertThat(texts(reader)).containsExactly("b");
        assertThat(overlong).hasSize(1);
    }

    @Test
    void shouldKeepBytesAsTheyAreWhenTheyAreNoText() throws IOException {
        byte[] bytes = {0, (byte) 0xff, (byte) 0xc3, '\n'};

        assertThat(new LineReader(new ByteArrayInputStream(bytes), LIMIT, overlong::add).next())
                .isEqualTo(Arrays.copyOf(bytes, 3));
    }

    private List<String> lines(String text) throws IOException {
        return texts(
                new LineReader(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), 100, overlong::add));
    }

    private LineReader reader(String text) {
        return new LineReader(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), LIMIT, overlong::add);
    }

    private static List<String> texts(LineReader reader) throws IOException {
        List<String> lines = new ArrayList<>();
        for (byte[] line = reader.next(); line != null; line = reader.next()) {
            lines.add(new String(line, StandardCharsets.UTF_8));
        }
        return lines;
    }
}
