package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class ByteProgressTest {

    private final StringWriter err = new StringWriter();

    @Test
    void shouldDrawABarInATerminalAlsoOfMoreThanThereShouldBe() {
        ByteProgress progress = new ByteProgress(new PrintWriter(err), true, "org/name");

        progress.progressed(0, 0);
        progress.progressed(500_000_000, 2_000_000_000);
        progress.progressed(3_000_000_000L, 2_000_000_000);
        progress.end();

        assertThat(err.toString().split("[\r\n]+"))
                .containsExactly(
                        "",
                        "[" + "#".repeat(5) + " ".repeat(15) + "] 500.0 MB of 2.0 GB org/name\u001b[K",
                        "[" + "#".repeat(20) + "] 3.0 GB of 2.0 GB org/name\u001b[K");
    }

    @Test
    void shouldWriteALineForEachTenthElsewhere() {
        ByteProgress progress = new ByteProgress(new PrintWriter(err, true), false, "org/name");

        progress.progressed(0, 2_000_000_000);
        progress.progressed(100_000_000, 2_000_000_000);
        progress.progressed(300_000_000, 2_000_000_000);
        progress.end();

        assertThat(err.toString().lines()).containsExactly("0 bytes of 2.0 GB org/name", "300.0 MB of 2.0 GB org/name");
    }
}
