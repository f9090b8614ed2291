package io.github.mlx4j.internal.worker;

import io.github.mlx4j.internal.protocol.Progress;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs the progress of a start: a download every few seconds at INFO, the rest at DEBUG. Not thread-safe. */
final class ProgressLog {

    private static final Duration BETWEEN = Duration.ofSeconds(5);
    private static final Logger log = LoggerFactory.getLogger(Worker.class);

    private final String name;
    private final StallClock sinceLast = new StallClock();
    private boolean downloading;

    ProgressLog(String name) {
        this.name = name;
    }

    void accept(Progress progress) {
        if (!progress.phase().equals("download")) {
            log.debug(
                    "{} worker: {} {}/{} {}",
                    name,
                    progress.phase(),
                    progress.done(),
                    progress.total(),
                    progress.unit());
        } else if (!downloading || sinceLast.left(BETWEEN).isNegative()) {
            downloading = true;
            sinceLast.reset();
            log.info(
                    "{} worker: downloaded {} of {} MB",
                    name,
                    progress.done() / 1_000_000,
                    progress.total() / 1_000_000);
        }
    }
}
