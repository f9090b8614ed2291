package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.Worker;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A call that a caller waits for, sent once more if the worker dies meanwhile: it leaves nothing behind. */
final class WorkerQuery {

    private static final Logger log = LoggerFactory.getLogger(WorkerQuery.class);

    private WorkerQuery() {}

    /**
     * Makes something of a call's messages. Called on the worker's reader thread; what it throws as
     * {@link IllegalArgumentException} fails the call.
     */
    interface Reading<T> {

        /** Something on the way to the answer. */
        default void notified(String method, JsonNode params) {}

        /** The answer. */
        T answered(JsonNode result);
    }

    /** Waits for the answer, which a reading of its own reads for each sending. An interrupt cancels the call. */
    static <T> T ask(Worker worker, String method, Object params, Supplier<? extends Reading<T>> reading) {
        try {
            return once(worker, method, params, reading.get());
        } catch (WorkerDiedException | WorkerHungException gone) {
            log.warn("The worker ended before it answered {}, which is sent once more: {}", method, gone.reason());
            return once(worker, method, params, reading.get());
        }
    }

    /** Waits for the worker, which is started if need be. An interrupt ends the waiting only. */
    static Worker.Ready ready(Worker worker) {
        return await(worker.ready(), () -> {});
    }

    private static <T> T once(Worker worker, String method, Object params, Reading<T> reading) {
        Worker.Ready ready = ready(worker);
        CompletableFuture<T> answer = new CompletableFuture<>();
        String id = ready.client().call(method, params, new Reply() {
            @Override
            public void notified(String method, JsonNode params) {
                reading.notified(method, params);
            }

            @Override
            public void answered(JsonNode result) {
                answer.complete(reading.answered(result));
            }

            @Override
            public void failed(Mlx4jException error) {
                answer.completeExceptionally(error);
            }
        });
        return await(answer, () -> ready.client().cancel(id));
    }

    /** Waits; an interrupt ends the waiting only. */
    static void await(CompletableFuture<?> future) {
        await(future, () -> {});
    }

    private static <T> T await(CompletableFuture<T> future, Runnable cancel) {
        try {
            return future.get();
        } catch (InterruptedException interrupt) {
            cancel.run();
            Thread.currentThread().interrupt();
            throw new CancelledException("The thread that waited for the answer was interrupted.", "");
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        }
    }
}
