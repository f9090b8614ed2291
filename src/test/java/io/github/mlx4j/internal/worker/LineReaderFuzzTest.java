package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.mlx4j.fuzz.FuzzCase;
import io.github.mlx4j.internal.process.LineReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Tests that a stream of bytes is split into lines at LF, up to the limit, regardless of how its bytes arrive. */
public class LineReaderFuzzTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private record Input(byte[] stream, int limit, List<Integer> cuts) {

        @Override
        public String toString() {
            return "limit %d, cuts %s, stream %s".formatted(limit, cuts, Arrays.toString(stream));
        }
    }

    /** The same properties, to be checked for longer. */
    public static Stream<FuzzCase<?>> cases() {
        Arbitrary<List<Integer>> cuts =
                Arbitraries.integers().between(1, 70_000).list().ofMaxSize(50);
        Arbitrary<Integer> limits = Arbitraries.integers().between(0, 100);
        Arbitrary<Integer> longLimits = Arbitraries.integers().between(1000, 300_000);
        return Stream.of(
                new FuzzCase<>(
                        "a stream",
                        Combinators.combine(streams(), limits, cuts).as(Input::new),
                        input -> shouldBeSplitAtLf(input.stream(), input.limit(), input.cuts())),
                new FuzzCase<>(
                        "a long stream",
                        Combinators.combine(longStreams(), longLimits, cuts).as(Input::new),
                        input -> shouldBeSplitAtLf(input.stream(), input.limit(), input.cuts())));
    }

    @Property
    void shouldGiveTheSameLinesHoweverTheStreamIsCut(
            @ForAll("streams") byte[] stream,
            @ForAll @IntRange(max = 100) int limit,
            @ForAll @Size(max = 50) List<@IntRange(min = 1, max = 70_000) Integer> cuts)
            throws IOException {
        shouldBeSplitAtLf(stream, limit, cuts);
    }

    @Property
    void shouldGiveLongLinesAcrossItsBuffers(
            @ForAll("longStreams") byte[] stream,
            @ForAll @IntRange(min = 1000, max = 300_000) int limit,
            @ForAll @Size(max = 50) List<@IntRange(min = 1, max = 70_000) Integer> cuts)
            throws IOException {
        shouldBeSplitAtLf(stream, limit, cuts);
    }

    @Property
    void shouldHoldNoMoreThanTheLimitOfALineWithoutEnd(
            @ForAll @IntRange(min = 2, max = 100_000) int limit, @ForAll @IntRange(min = 2, max = 40) int times)
            throws IOException {
        long size = 100_000L + (long) limit * times;
        InputStream endless =
                new SequenceInputStream(new Repeated('x', size), new ByteArrayInputStream("\nok\n".getBytes()));
        List<byte[]> overlong = new ArrayList<>();
        LineReader lines = new LineReader(endless, limit, overlong::add);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        byte[] line = lines.next();
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(overlong).hasSize(1);
        assertThat(line).asString().isEqualTo("ok");
        assertThat(allocated).as("bytes for a line of %d", size).isLessThan(8L * (limit + (1 << 16)));
    }

    private static void shouldBeSplitAtLf(byte[] stream, int limit, List<Integer> cuts) throws IOException {
        List<byte[]> expected = new ArrayList<>();
        int tooLong = 0;
        int start = 0;
        for (int i = 0; i < stream.length; i++) {
            if (stream[i] == '\n') {
                if (i - start <= limit) {
                    expected.add(Arrays.copyOfRange(stream, start, i));
                } else {
                    tooLong++;
                }
                start = i + 1;
            }
        }
        List<byte[]> overlong = new ArrayList<>();
        LineReader lines = new LineReader(new Cut(stream, cuts), limit, overlong::add);
        List<byte[]> actual = new ArrayList<>();
        for (byte[] line = lines.next(); line != null; line = lines.next()) {
            actual.add(line);
        }
        assertThat(actual.toArray(byte[][]::new)).isDeepEqualTo(expected.toArray(byte[][]::new));
        assertThat(overlong).hasSize(tooLong);
        assertThat(lines.next()).isNull();
    }

    @Provide
    static Arbitrary<byte[]> streams() {
        Arbitrary<Byte> lfOrAny = Arbitraries.frequencyOf(
                Tuple.of(1, Arbitraries.of((byte) '\n', (byte) '\r', (byte) 0, (byte) -1)),
                Tuple.of(3, Arbitraries.bytes()));
        return lfOrAny.array(byte[].class).ofMaxSize(1000);
    }

    @Provide
    static Arbitrary<byte[]> longStreams() {
        Arbitrary<byte[]> run = Combinators.combine(
                        Arbitraries.bytes(),
                        Arbitraries.oneOf(
                                Arbitraries.integers().between(0, 5),
                                Arbitraries.integers().between(65_530, 65_540),
                                Arbitraries.integers().between(0, 200_000)))
                .as((value, length) -> {
                    byte[] bytes = new byte[length + 1];
                    Arrays.fill(bytes, value);
                    bytes[length] = '\n';
                    return bytes;
                });
        return run.list().ofMaxSize(5).map(runs -> {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            runs.forEach(all::writeBytes);
            all.writeBytes("the end has no LF".getBytes());
            return all.toByteArray();
        });
    }

    /** Returns bytes in pieces of these sizes, then the rest at once. */
    private static final class Cut extends ByteArrayInputStream {

        private final Iterator<Integer> sizes;

        Cut(byte[] bytes, List<Integer> sizes) {
            super(bytes);
            this.sizes = sizes.iterator();
        }

        @Override
        public synchronized int read(byte[] into, int offset, int length) {
            return super.read(into, offset, sizes.hasNext() ? Math.min(length, sizes.next()) : length);
        }
    }

    /** Repeats a byte this many times, without storing the bytes. */
    private static final class Repeated extends InputStream {

        private final byte value;
        private long left;

        Repeated(char value, long times) {
            this.value = (byte) value;
            this.left = times;
        }

        @Override
        public int read() {
            return left-- > 0 ? value : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            int count = (int) Math.min(length, left);
            Arrays.fill(into, offset, offset + count, value);
            left -= count;
            return count == 0 ? -1 : count;
        }
    }
}
