package io.github.mlx4j.internal.worker;

import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Pong;
import io.github.mlx4j.internal.threads.Daemons;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Detects hung and idle workers, on a daemon thread. A worker is hung if it is busy and its engine makes no progress,
 * as its pongs report, or if it does not answer a ping. A worker is idle if it has had no request for a long time.
 */
final class HangWatch {

    private final WorkerClient client;
    private final WorkerLimits limits;
    private final Runnable onIdle;
    private final CountDownLatch ended = new CountDownLatch(1);
    private long busySince;
    private long idleSince = System.nanoTime();
    private boolean busy;
    private volatile @Nullable Heard lastHeard;

    /**
     * A pong, with the number of lost answers when it arrived.
     *
     * @param pong the pong
     * @param missing requests that were queued before the ping and have no answer, although the worker considers them
     *     answered; a worker considers a request open until its answer is on the wire, so an answer was lost
     */
    private record Heard(Pong pong, int missing) {}

    HangWatch(WorkerClient client, WorkerLimits limits, Runnable onIdle) {
        this.client = client;
        this.limits = limits;
        this.onIdle = onIdle;
    }

    void start(String name) {
        Daemons.start(name, this::run);
    }

    void stop() {
        ended.countDown();
    }

    private void run() {
        try {
            while (!ended.await(period().toMillis(), TimeUnit.MILLISECONDS)) {
                look(System.nanoTime());
            }
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private Duration period() {
        Duration silence = limits.silence().dividedBy(4);
        Duration idle = limits.idle().isZero() ? silence : limits.idle().dividedBy(4);
        return silence.compareTo(idle) < 0 ? silence : idle;
    }

    private void look(long now) {
        if (client.openWork() == 0) {
            idleSince = busy ? now : Math.max(idleSince, client.lastWork());
            busy = false;
            if (!limits.idle().isZero() && now - idleSince > limits.idle().toNanos()) {
                onIdle.run();
            }
            return;
        }
        if (!busy) {
            busy = true;
            busySince = now;
            lastHeard = null;
        }
        judge(now, lastHeard);
        lastHeard = null; // the next check uses the pong of this ping
        long pinged = System.nanoTime();
        client.ping()
                .thenAccept(pong -> lastHeard = new Heard(
                        pong, client.openWorkBefore(pinged) - pong.engine().open()));
    }

    private void judge(long now, @Nullable Heard heard) {
        long quiet = now - Math.max(busySince, client.lastHeard());
        if (quiet > limits.silence().toNanos()) {
            client.hung("it did not answer for %d s".formatted(limits.silence().toSeconds()));
        } else if (heard != null
                && standstill(now, heard.pong()) > limits.silence().toMillis()) {
            client.hung("its engine (%s) made no progress for %d s"
                    .formatted(heard.pong().engine().state(), limits.silence().toSeconds()));
        } else if (heard != null && heard.missing() > 0) {
            client.hung("it continued, but %d answers did not arrive".formatted(heard.missing()));
        }
    }

    /** Returns the time without progress in milliseconds; an idle engine may have started its work after the ping. */
    private double standstill(long now, Pong pong) {
        return Math.min(pong.engine().lastMovedMs(), TimeUnit.NANOSECONDS.toMillis(now - busySince));
    }
}
