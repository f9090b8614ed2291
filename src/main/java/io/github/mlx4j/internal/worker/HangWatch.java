package io.github.mlx4j.internal.worker;

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

    /** An answer may be between the engine and the wire at one look, but not at the next one too. */
    private static final int LOOKS_UNTIL_LOST = 2;

    private final WorkerClient client;
    private final WorkerLimits limits;
    private final Runnable onIdle;
    private final CountDownLatch ended = new CountDownLatch(1);
    private long busySince;
    private long idleSince = System.nanoTime();
    private boolean busy;
    private int looksWithAnswersMissing;
    private volatile @Nullable Heard lastHeard;

    /**
     * A pong, with what was known when it came.
     *
     * @param pong the pong
     * @param missing requests from before the ping that neither the engine has nor an answer came to
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
            looksWithAnswersMissing = 0;
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
        looksWithAnswersMissing = heard != null && heard.missing() > 0 ? looksWithAnswersMissing + 1 : 0;
        long quiet = now - Math.max(busySince, client.lastHeard());
        if (quiet > limits.silence().toNanos()) {
            client.hung("it did not answer for %d s".formatted(limits.silence().toSeconds()));
        } else if (heard != null
                && standstill(now, heard.pong()) > limits.silence().toMillis()) {
            client.hung("its engine (%s) did not move for %d s"
                    .formatted(heard.pong().engine().state(), limits.silence().toSeconds()));
        } else if (heard != null && looksWithAnswersMissing >= LOOKS_UNTIL_LOST) {
            client.hung("it went on without %d answers that did not arrive".formatted(heard.missing()));
        }
    }

    /** In milliseconds; an engine that had nothing to do before may have taken up its work after the ping. */
    private double standstill(long now, Pong pong) {
        return Math.min(pong.engine().lastMovedMs(), TimeUnit.NANOSECONDS.toMillis(now - busySince));
    }
}
