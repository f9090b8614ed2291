package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mlx4j.error.WorkerOutOfMemoryException;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryManagerTest {

    private static final long GB = 1_000_000_000;

    @Test
    void shouldReserveEightGbWhenTheMemoryIsUnknown() {
        DeviceManager machine = linux("MemAvailable: 10000000 kB\n");

        assertThat(new MemoryManager(machine).availableBytes()).hasValue(10_240_000_000L - 8 * GB);
        assertThat(new MemoryManager(machine, 0).availableBytes()).hasValue(10_240_000_000L);
    }

    @ParameterizedTest
    @CsvSource({"4, 536870912", "8, 1073741824", "16, 2147483648", "32, 4294967296", "64, 8000000000", "512, 8000000000"
    })
    void shouldReserveAnEighthOfTheMemoryAndNoMoreThanEightGb(long gibibytes, long reserved) {
        DeviceManager machine = linux("MemTotal: %d kB\nMemAvailable: 3000000 kB\n".formatted(gibibytes << 20));

        assertThat(new MemoryManager(machine).reservedBytes()).isEqualTo(reserved);
        assertThat(new MemoryManager(machine).availableBytes()).hasValue(Math.max(0, 3_072_000_000L - reserved));
    }

    @Test
    void shouldNeverHaveLessThanNothing() {
        assertThat(with(3 * GB, 8 * GB).availableBytes()).hasValue(0);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 12", "2, 1, 10", "2, 3, 3", "12, 1, 0", "13, 1, 0", "11, 2, 0", "0, 12, 1", "0, 13, 0"})
    void shouldFillTheMemoryWithRows(long fixed, long row, int rows) {
        MemoryManager.BatchSize size =
                with(20 * GB, 8 * GB).suggestBatchSize(fixed * GB, row * GB).orElseThrow();

        assertThat(size.rows()).isEqualTo(rows);
        assertThat(size.explanation())
                .startsWith("(12.0 GB free beside a reserve of 8.0 GB − ")
                .endsWith("→ " + rows);
    }

    @Test
    void shouldExplainTheArithmetic() {
        assertThat(with(20 * GB, 8 * GB)
                        .suggestBatchSize(2 * GB, 3 * GB)
                        .orElseThrow()
                        .explanation())
                .isEqualTo("(12.0 GB free beside a reserve of 8.0 GB − 2.0 GB fixed) / 3.0 GB a row → 3");
        assertThat(with(Long.MAX_VALUE, 0).suggestBatchSize(0, 1).orElseThrow().rows())
                .isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void shouldRefuseWhatIsNoNeed() {
        assertThatIllegalArgumentException().isThrownBy(() -> with(GB, 0).suggestBatchSize(-1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> with(GB, 0).suggestBatchSize(0, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> with(GB, -1));
    }

    @Test
    void shouldRefuseWithTheArithmeticWhenItDoesNotFit() {
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> with(20 * GB, 8 * GB).check(12 * GB + 1, "weights 12.0 GB"))
                .withMessageStartingWith("This needs 12.0 GB (weights 12.0 GB), but only 12.0 GB are available beside a"
                        + " reserve of 8.0 GB. What to do: Close other programs")
                .satisfies(error -> assertThat(error.code()).isEqualTo("OUT_OF_MEMORY"));
        assertThatCode(() -> with(20 * GB, 8 * GB).check(12 * GB, "")).doesNotThrowAnyException();
    }

    @Test
    void shouldNameTheLimitWhenItIsTheSmallerOne() {
        MemoryManager limited = with(20 * GB, 8 * GB).withLimit(3 * GB, "MLX4J_MEMORY_LIMIT_MB");

        assertThat(limited.availableBytes()).hasValue(3 * GB);
        assertThat(limited.suggestBatchSize(GB, GB).orElseThrow().explanation())
                .isEqualTo("(3.0 GB allowed by MLX4J_MEMORY_LIMIT_MB − 1.0 GB fixed) / 1.0 GB a row → 2");
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> limited.check(3 * GB + 1, "weights"))
                .withMessage("This needs 3.0 GB (weights), but MLX4J_MEMORY_LIMIT_MB allows only 3.0 GB. What to do:"
                        + " Raise MLX4J_MEMORY_LIMIT_MB, or use a smaller or quantized model, a shorter context or"
                        + " fewer rows.");
    }

    @Test
    void shouldNameTheFreeMemoryWhenTheLimitIsLarger() {
        MemoryManager limited = with(20 * GB, 8 * GB).withLimit(13 * GB, "MLX4J_MEMORY_LIMIT_MB");

        assertThat(limited.availableBytes()).hasValue(12 * GB);
        assertThat(limited.suggestBatchSize(0, GB).orElseThrow().explanation())
                .startsWith("(12.0 GB free beside a reserve of 8.0 GB − ");
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> limited.check(13 * GB, "weights"))
                .withMessageContaining("only 12.0 GB are available beside a reserve of 8.0 GB")
                .withMessageNotContaining("MLX4J_MEMORY_LIMIT_MB");
    }

    @Test
    void shouldKnowTheLimitWhenTheMemoryIsUnknown() {
        MemoryManager unknown = new MemoryManager(held -> OptionalLong.empty(), 8 * GB);

        assertThat(unknown.withLimit(GB, "a limit").availableBytes()).hasValue(GB);
    }

    @Test
    void shouldNotMentionAReserveWhereThereIsNone() {
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> with(GB, 0).check(2 * GB, "weights"))
                .withMessageContaining("only 1.0 GB are available. What to do: Close other programs")
                .withMessageNotContaining("reserve");
    }

    @Test
    void shouldNotStandInTheWayWhenMemoryCantBeTold() {
        MemoryManager unknown = new MemoryManager(held -> OptionalLong.empty(), 8 * GB);

        assertThat(unknown.availableBytes()).isEmpty();
        assertThat(unknown.suggestBatchSize(0, 1)).isEmpty();
        assertThatCode(() -> unknown.check(Long.MAX_VALUE, "")).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({"0, 0 bytes", "999999, '999,999 bytes'", "1000000, 1.0 MB", "7600000000, 7.6 GB"})
    void shouldShowBytesAsPeopleReadThem(long bytes, String text) {
        assertThat(ByteText.text(bytes)).isEqualTo(text);
    }

    private static DeviceManager linux(String meminfo) {
        return new DeviceManager(new FakeMachine("Linux", "amd64").with("/proc/meminfo", meminfo));
    }

    private static MemoryManager with(long available, long reserved) {
        return new MemoryManager(held -> OptionalLong.of(available), reserved);
    }
}
