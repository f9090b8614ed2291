package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class PhaseProgressTest {

    private final StringWriter err = new StringWriter();

    @Test
    void shouldDrawABarForEachPhaseInATerminal() {
        PhaseProgress progress = new PhaseProgress(new PrintWriter(err), true);

        progress.onProgress("download", 7, 0, "bytes");
        progress.onProgress("write", 3, 4, "tensors");
        progress.end();

        assertThat(err.toString().split("[\r\n]+"))
                .containsExactly(
                        "",
                        "[" + " ".repeat(20) + "] download, 7 bytes\u001b[K",
                        "[" + "#".repeat(15) + " ".repeat(5) + "] write, 3 of 4 tensors\u001b[K");
    }

    @Test
    void shouldWriteALineForEachPhaseElsewhere() {
        PhaseProgress progress = new PhaseProgress(new PrintWriter(err, true), false);

        progress.onProgress("load", 0, 1, "models");
        progress.onProgress("write", 0, 4, "tensors");
        progress.onProgress("write", 3, 4, "tensors");
        progress.end();

        assertThat(err.toString().lines()).containsExactly("load …", "write …");
    }
}
