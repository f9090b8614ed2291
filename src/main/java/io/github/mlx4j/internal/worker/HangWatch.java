package io.github.mlx4j.internal.worker;

import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Pong;
import io.github.mlx4j.internal.threads.Daemons;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Looks after a worker on a daemon thread: one that has work to do but doesn't move is hung; one that has had nothing
 * to do for long is idle. Moving means that its engine does, as its pongs tell; a worker that can't even answer a ping
 * is hung too.
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
     * A pong, with what was known when it came.
     *
     * @param pong the pong
     * @param missing requests that were queued before the ping, without an answer, though the worker counts them as
     *     answered; a worker counts a request as open until its answer is on the wire, so an answer was lost
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
        lastHeard = null; // the next judgement is of this ping's pong
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
            client.hung("its engine (%s) did not move for %d s"
                    .formatted(heard.pong().engine().state(), limits.silence().toSeconds()));
        } else if (heard != null && heard.missing() > 0) {
            client.hung("it went on without %d answers that did not arrive".formatted(heard.missing()));
        }
    }

    /** In milliseconds; an engine that had nothing to do before may have taken up its work after the ping. */
    private double standstill(long now, Pong pong) {
        return Math.min(pong.engine().lastMovedMs(), TimeUnit.NANOSECONDS.toMillis(now - busySince));
    }
}
