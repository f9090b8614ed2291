package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.Progress;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** A worker process for one long call, which is the only one that it gets: a fresh process, the call, the end. */
public final class JobWorker {

    /** What the worker has to end a cancelled call by itself, so that it can clear up. */
    private static final Duration TO_CLEAR_UP = Duration.ofSeconds(10);

    private final WorkerLaunch launch;
    private final WorkerLimits limits;

    /** Creates it; nothing is started yet. Of the limits {@code hello} and {@code loadStall} count. */
    public JobWorker(WorkerLaunch launch, WorkerLimits limits) {
        this.launch = launch;
        this.limits = limits;
    }

    /**
     * Starts the process, sends the call, waits for its result and ends the process. An interrupt cancels the call.
     *
     * @param onProgress hears how far it is, on the worker's reader thread
     * @throws CancelledException if this thread is interrupted; its flag stays set
     * @throws Mlx4jException if the call fails, or the process does
     */
    public JsonNode run(String method, Object params, Consumer<Progress> onProgress) {
        WorkerClient client = start();
        try {
            await(client.hello(), limits.hello());
            return answer(client, method, params, onProgress);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The " + method + " was interrupted.", "");
        } catch (TimeoutException late) {
            throw new WorkerStartException(
                    "The %s worker gave no sign of life for too long.".formatted(name()),
                    "Look for what holds up its Python: a slow disk, a security scanner, a hanging import.");
        } finally {
            client.close();
        }
    }

    private WorkerClient start() {
        try {
            return WorkerClient.start(launch);
        } catch (IOException error) {
            throw new WorkerStartException(
                    "The %s worker could not be started: %s".formatted(name(), error.getMessage()),
                    "Check the interpreter's path and the disk.",
                    error);
        }
    }

    private JsonNode answer(WorkerClient client, String method, Object params, Consumer<Progress> onProgress)
            throws InterruptedException, TimeoutException {
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        StallClock clock = new StallClock();
        String id = client.call(method, params, new Reply() {
            @Override
            public void notified(String notification, JsonNode told) {
                clock.reset();
                onProgress.accept(Codec.read(told, Progress.class));
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
                return await(answer, clock.left(limits.loadStall()));
            } catch (TimeoutException stalled) {
                if (clock.left(limits.loadStall()).isNegative()) {
                    throw stalled;
                }
            } catch (InterruptedException interrupt) {
                client.cancel(id);
                answer.handle((result, error) -> null)
                        .completeOnTimeout(null, TO_CLEAR_UP.toMillis(), TimeUnit.MILLISECONDS)
                        .join(); // does not look at the interrupt
                throw interrupt;
            }
        }
    }

    private static <T> T await(CompletableFuture<T> future, Duration limit)
            throws InterruptedException, TimeoutException {
        try {
            return future.get(Math.max(0, limit.toMillis()), TimeUnit.MILLISECONDS);
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Mlx4jException known) {
                throw known;
            }
            throw new IllegalStateException(failure.getCause());
        }
    }

    private String name() {
        return launch.kind().id();
    }
}
