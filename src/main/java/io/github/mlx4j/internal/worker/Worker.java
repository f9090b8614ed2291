package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.InitializeParams;
import io.github.mlx4j.internal.protocol.ModelInfo;
import io.github.mlx4j.internal.protocol.Progress;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker that is there when it is needed: started by the first request, started again after it died, within a budget.
 * Causes that a restart can't cure are remembered and answered at once. Thread-safe.
 */
public final class Worker implements AutoCloseable {

    private static final Duration HELLO = Duration.ofSeconds(20);
    private static final Duration LOAD_STALL = Duration.ofMinutes(10);
    private static final Logger log = LoggerFactory.getLogger(Worker.class);

    private final String name;
    private final Supplier<WorkerLaunch> launch;
    private final InitializeParams model;
    private final RestartBudget budget;
    private @Nullable CompletableFuture<Ready> current;
    private @Nullable Mlx4jException permanent;
    private boolean closed;

    /**
     * A worker that is up.
     *
     * @param client calls to it
     * @param info what it loaded
     */
    public record Ready(WorkerClient client, ModelInfo info) {}

    /**
     * Creates it; nothing is started yet. {@code launch} is asked before each start, on the starting thread, and may
     * throw a {@link Mlx4jException}.
     */
    public Worker(String name, Supplier<WorkerLaunch> launch, InitializeParams model, RestartBudget budget) {
        this.name = name;
        this.launch = launch;
        this.model = model;
        this.budget = budget;
    }

    /** The running worker, started if need be. Returns at once; fails with a {@link Mlx4jException}. */
    public synchronized CompletableFuture<Ready> ready() {
        if (closed) {
            return CompletableFuture.failedFuture(new ClosedException("The " + name + " worker was closed.", ""));
        }
        if (current != null && (!current.isDone() || isUp(current))) {
            return current;
        }
        if (permanent != null) {
            return CompletableFuture.failedFuture(permanent);
        }
        if (current != null && failed(current)) {
            budget.failed();
            current = null;
        }
        if (budget.spent()) {
            return CompletableFuture.failedFuture(new WorkerStartException(
                    "The " + name + " worker is not started again after " + budget + ".",
                    "Look for the reasons in the log; it is tried again later."));
        }
        CompletableFuture<Ready> starting = new CompletableFuture<>();
        current = starting;
        Thread starter = new Thread(() -> start(starting), "mlx4j-" + name + "-starter");
        starter.setDaemon(true);
        starter.start();
        return starting;
    }

    /** Stops the process, if there is one, and fails what it was working on. Idempotent. */
    @Override
    public void close() {
        CompletableFuture<Ready> last;
        synchronized (this) {
            closed = true;
            last = current;
        }
        if (last != null) {
            last.completeExceptionally(new ClosedException("The " + name + " worker was closed while it started.", ""));
            if (isDoneWell(last)) {
                last.join().client().close();
            }
        }
    }

    /** Whether a start, or the life after it, ended by a fault of the worker rather than for a reason that it gave. */
    private static boolean failed(CompletableFuture<Ready> ended) {
        return ended.handle((ready, error) ->
                        error == null || error instanceof WorkerDiedException || error instanceof WorkerStartException)
                .join();
    }

    private static boolean isUp(CompletableFuture<Ready> ready) {
        return isDoneWell(ready) && ready.join().client().isAlive();
    }

    private static boolean isDoneWell(CompletableFuture<Ready> ready) {
        return ready.isDone() && !ready.isCompletedExceptionally();
    }

    private void start(CompletableFuture<Ready> starting) {
        WorkerClient client = null;
        try {
            long begun = System.nanoTime();
            client = WorkerClient.start(launch.get());
            WorkerClient started = client;
            starting.whenComplete((ready, error) -> { // also when closed while it starts
                if (error != null) {
                    started.close();
                }
            });
            await(client.hello(), HELLO, "say hello");
            ModelInfo info = initialize(client);
            if (starting.complete(new Ready(client, info))) {
                long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
                log.info(
                        "{} worker ready after {} ms: {} on {} (pid {})",
                        name,
                        ms,
                        info.model(),
                        info.device(),
                        client.pid());
            }
        } catch (Mlx4jException error) {
            remember(error);
            starting.completeExceptionally(error);
        } catch (IOException error) {
            starting.completeExceptionally(new WorkerStartException(
                    "The " + name + " worker could not be started: " + error.getMessage(),
                    "Check the interpreter's path and the disk.",
                    error));
        } catch (RuntimeException | Error error) {
            starting.completeExceptionally(
                    new WorkerStartException("The " + name + " worker could not be started.", "", error));
            throw error;
        }
    }

    private ModelInfo initialize(WorkerClient client) {
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        StallClock clock = new StallClock();
        ProgressLog progress = new ProgressLog(name);
        client.call("initialize", model, new Reply() {
            @Override
            public void notified(String method, JsonNode params) {
                clock.reset();
                progress.accept(Codec.read(params, Progress.class));
            }

            @Override
            public void answered(JsonNode result) {
                answer.complete(result);
            }

            @Override
            public void failed(Mlx4jException error) {
                answer.completeExceptionally(error);
            }
        });
        while (true) {
            try {
                return Codec.read(await(answer, clock.left(LOAD_STALL), "load its model"), ModelInfo.class);
            } catch (WorkerStartException stalled) {
                if (clock.left(LOAD_STALL).isNegative()) {
                    throw stalled;
                }
            }
        }
    }

    private <T> T await(CompletableFuture<T> future, Duration limit, String what) {
        try {
            return future.get(Math.max(0, limit.toMillis()), TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            throw new WorkerStartException(
                    "The %s worker did not %s within %d s.".formatted(name, what, limit.toSeconds()),
                    "Look for what holds up its Python: a slow disk, a security scanner, a hanging import.");
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Mlx4jException known) {
                throw known;
            }
            throw new IllegalStateException(failure.getCause());
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new ClosedException("The start of the " + name + " worker was interrupted.", "");
        }
    }

    private synchronized void remember(Mlx4jException error) {
        if (error instanceof DependencyMissingException
                || error instanceof ModelLoadException
                || error instanceof UnsafeModelException
                || error instanceof ProtocolException) {
            permanent = error;
        }
    }
}
