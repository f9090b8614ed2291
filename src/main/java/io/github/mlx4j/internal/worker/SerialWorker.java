package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Hub;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.threads.LeakGuard;
import io.github.mlx4j.internal.threads.Timer;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A worker that executes one call after another and keeps state between them. Because of that state, it is never
 * restarted and no call is sent twice: after it has ended, every call fails with the reason. Only one thread at a time
 * may make calls; any thread may call {@link #cancel} and {@link #close}.
 */
public final class SerialWorker implements AutoCloseable {

    /** How long to wait for a cancelled call to end before the worker is ended. */
    private static final Duration CANCEL_TIMEOUT = Duration.ofMinutes(1);

    /** How long to wait for a cancelled first call to clean up its files. */
    private static final Duration CLEANUP_TIMEOUT = Duration.ofSeconds(10);

    private final String name;
    private final WorkerClient client;
    private final WorkerLaunch launch;
    private final WorkerLimits limits;
    private final LeakGuard guard;
    private volatile @Nullable Sent<?> running;

    private SerialWorker(WorkerLaunch launch, WorkerClient client, WorkerLimits limits) {
        this.launch = launch;
        this.name = launch.kind().id();
        this.client = client;
        this.limits = limits;
        this.guard = LeakGuard.watch(
                this, "a %s worker (pid %d)".formatted(name, client.pid()), client::isAlive, client::close);
    }

    /**
     * Starts a process and waits for its first line.
     *
     * @throws CancelledException if the thread is interrupted while waiting
     */
    public static SerialWorker start(WorkerLaunch launch, WorkerLimits limits) {
        String name = launch.kind().id();
        try {
            SerialWorker worker = new SerialWorker(launch, WorkerClient.start(launch), limits);
            return worker.orClose(() -> {
                try {
                    worker.await(worker.client.hello(), limits.hello());
                    return worker;
                } catch (TimeoutException late) {
                    throw worker.silent(limits.hello());
                }
            });
        } catch (IOException error) {
            throw new WorkerStartException(
                    "The %s worker could not be started: %s".formatted(name, error.getMessage()),
                    "Check the interpreter's path and the disk.",
                    error);
        }
    }

    /** Returns the process ID. */
    public long pid() {
        return client.pid();
    }

    /**
     * Makes the first call, which loads what later calls need, or is a complete job by itself. It may take any time
     * while it reports progress. Progress is logged and passed to {@code onProgress} on the worker's reader thread. An
     * interrupt cancels the call. If the call fails or is cancelled, the worker ends. If a model must be downloaded
     * first, another process downloads it.
     *
     * @throws CancelledException if the thread is interrupted; its interrupt flag stays set
     */
    public <T> T load(WorkerCall<T> call, Consumer<Progress> onProgress) {
        StallClock clock = new StallClock();
        ProgressLog log = new ProgressLog(name);
        return orClose(() -> {
            Consumer<Progress> told = progress -> {
                clock.reset();
                log.accept(progress);
                onProgress.accept(progress);
            };
            Sent<JsonNode> sent = client.send(call.raw(), told);
            while (true) {
                try {
                    JsonNode loaded = await(sent.answer(), clock.left(limits.loadStall()));
                    Optional<Load.Missing> missing = Load.Missing.in(loaded);
                    if (missing.isPresent()) {
                        download(missing.get(), onProgress);
                        sent = client.send(call.raw(), told);
                        clock.reset();
                        continue;
                    }
                    client.watch(limits, () -> {});
                    return call.read(loaded);
                } catch (TimeoutException late) {
                    if (clock.left(limits.loadStall()).isNegative()) {
                        throw silent(limits.loadStall());
                    }
                } catch (CancelledException interrupt) {
                    clearUp(sent);
                    throw interrupt;
                }
            }
        });
    }

    /**
     * Makes a call that must complete within a time limit; its progress is ignored.
     *
     * @throws WorkerStartException if it does not complete in time
     * @throws CancelledException if the thread is interrupted; its interrupt flag stays set
     */
    public <T> T ask(WorkerCall<T> call, Duration limit) {
        try {
            return await(client.send(call, progress -> {}).answer(), limit);
        } catch (TimeoutException late) {
            throw new WorkerStartException(
                    "The %s worker did not answer within %d s.".formatted(name, limit.toSeconds()),
                    "Check what slows down its Python, such as a slow disk, a security scanner or other programs.");
        }
    }

    private void download(Load.Missing missing, Consumer<Progress> onProgress) {
        try (SerialWorker downloader = start(launch.forDownload(), limits)) {
            downloader.download(missing, HubToken.in(System.getenv()), onProgress);
        }
    }

    /** Downloads a model into the hub's cache. */
    void download(Load.Missing missing, @Nullable HubToken token, Consumer<Progress> onProgress) {
        load(Hub.fetch(missing, token), onProgress);
    }

    /**
     * Makes a call, which runs after the previous ones. An interrupt cancels it. If the worker completed the call
     * before it received the cancellation, the answer is returned and the interrupt flag stays set.
     *
     * @throws CancelledException if it was cancelled; it then has no effect
     */
    public <T> T call(WorkerCall<T> call) {
        Sent<T> sent = client.send(call, progress -> {});
        running = sent;
        try {
            return sent.answer().get();
        } catch (ExecutionException failure) {
            throw known(failure);
        } catch (InterruptedException interrupt) {
            sent.cancel();
            return cancelled(sent.answer());
        } finally {
            running = null;
        }
    }

    /** Cancels the running call, if there is one. Never blocks. */
    public void cancel() {
        Sent<?> sent = running;
        if (sent != null) {
            sent.cancel();
        }
    }

    /** Ends the process; open calls fail. Idempotent. */
    @Override
    public void close() {
        guard.close();
        client.close();
    }

    /** Waits for the outcome of a cancelled call, and ends the worker if it does not arrive in time. */
    private <T> T cancelled(CompletableFuture<T> answer) {
        try {
            return answer.get(CANCEL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException failure) {
            throw known(failure);
        } catch (TimeoutException | InterruptedException late) {
            client.close();
            throw new CancelledException(
                    "The call was cancelled; the %s worker did not stop it in time, so the worker was stopped."
                            .formatted(name),
                    "");
        } finally {
            Thread.currentThread().interrupt();
        }
    }

    /** Gives a cancelled first call some time to end by itself. */
    private void clearUp(Sent<?> sent) {
        sent.cancel();
        CompletableFuture<Object> over = sent.answer().handle((result, error) -> null);
        Future<?> timer = Timer.after(CLEANUP_TIMEOUT, "mlx4j-clear-up", () -> over.complete(null));
        over.join(); // ignores the interrupt
        timer.cancel(false);
    }

    private <T> T await(CompletableFuture<T> future, Duration limit) throws TimeoutException {
        try {
            return future.get(Math.max(0, limit.toMillis()), TimeUnit.MILLISECONDS);
        } catch (ExecutionException failure) {
            throw known(failure);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException(
                    "The thread that waited for the %s worker was interrupted.".formatted(name), "");
        }
    }

    private WorkerStartException silent(Duration limit) {
        return new WorkerStartException(
                "The %s worker did not respond for %d s.".formatted(name, limit.toSeconds()),
                "Check what delays its Python, such as a slow disk, a security scanner or a hanging import.");
    }

    private <T> T orClose(Supplier<T> start) {
        try {
            return start.get();
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private static RuntimeException known(ExecutionException failure) {
        return Mlx4jException.of(failure);
    }
}
