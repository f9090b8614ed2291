package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {

    private final StringWriter err = new StringWriter();
    private final AtomicLong now = new AtomicLong();

    @Test
    void shouldDrawTheBarAgainWhenThereIsATerminal() {
        Progress progress = progress(true, 10, 40);
        now.addAndGet(500_000_000);
        progress.step();
        progress.end();

        assertThat(err.toString())
                .isEqualTo("\r[#####               ] 10/40 base tasks\u001b[K"
                        + "\r[#####               ] 11/40 base tasks 2.0/s\u001b[K" + System.lineSeparator());
    }

    @Test
    void shouldPrintALineForEachTenthWhenThereIsNone() {
        Progress progress = progress(false, 0, 40);
        for (int i = 0; i < 40; i++) {
            now.addAndGet(1_000_000_000);
            progress.step();
        }
        progress.end();

        assertThat(err.toString().lines())
                .hasSize(10)
                .startsWith("4/40 base tasks 1.0/s")
                .endsWith("40/40 base tasks 1.0/s");
    }

    @Test
    void shouldPrintEachWhenThereAreFew() {
        Progress progress = progress(false, 0, 2);
        progress.step();
        progress.step();

        assertThat(err.toString().lines()).containsExactly("1/2 base tasks", "2/2 base tasks");
    }

    @Test
    void shouldSayMoreOfAStepAndLeaveRoomForALine() {
        Progress progress = progress(true, 0, 2);
        progress.step("loss 1.5");
        progress.line("half of it");

        assertThat(err.toString())
                .isEqualTo("\r[                    ] 0/2 base tasks\u001b[K"
                        + "\r[##########          ] 1/2 base tasks, loss 1.5\u001b[K"
                        + "\r\u001b[Khalf of it" + System.lineSeparator()
                        + "\r[##########          ] 1/2 base tasks, loss 1.5\u001b[K");
    }

    private Progress progress(boolean terminal, int before, int total) {
        return new Progress(new PrintWriter(err, true), terminal, "base tasks", before, total, now::get);
    }
}
