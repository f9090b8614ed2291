package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.Sent;
import io.github.mlx4j.internal.worker.Worker;
import io.github.mlx4j.internal.worker.WorkerClient;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A blocking call to a worker. Such calls have no side effects, so a call is resent once if the worker dies. */
final class WorkerQuery {

    private static final Logger log = LoggerFactory.getLogger(WorkerQuery.class);

    private WorkerQuery() {}

    /**
     * Collects the messages of one attempt of a call. Called on the worker's reader thread; an
     * {@link IllegalArgumentException} fails the call.
     *
     * @param <R> the call's own result
     * @param <T> the combined result of all its messages
     */
    interface Collector<R, T> {

        /** Receives a notification before the answer. */
        void notified(String method, JsonNode params);

        /** Receives the answer and returns the combined result. */
        T answered(R result);
    }

    /** Sends a call and waits for the answer. An interrupt cancels the call. */
    static <T> T ask(Worker worker, WorkerCall<T> call) {
        return twice(call.method(), () -> {
            WorkerClient client = ready(worker).client();
            return client.send(call, progress -> {}).await();
        });
    }

    /** Sends a call and waits for the answer, with a new collector for each attempt. An interrupt cancels the call. */
    static <R, T> T ask(Worker worker, WorkerCall<R> call, Supplier<? extends Collector<R, T>> collectors) {
        return twice(call.method(), () -> once(ready(worker).client(), call, collectors.get()));
    }

    private static <T> T twice(Method method, Supplier<T> asking) {
        try {
            return asking.get();
        } catch (WorkerDiedException | WorkerHungException gone) {
            log.warn("The worker exited before it answered {}; retrying once: {}", method.id(), gone.reason());
            return asking.get();
        }
    }

    /** Waits until the worker is ready, and starts it if necessary. An interrupt ends only the wait. */
    static Worker.Ready ready(Worker worker) {
        return await(worker.ready());
    }

    private static <R, T> T once(WorkerClient client, WorkerCall<R> call, Collector<R, T> collector) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        String id = client.call(call, new Reply<R>() {
            @Override
            public void notified(String method, JsonNode params) {
                collector.notified(method, params);
            }

            @Override
            public void answered(R result) {
                answer.complete(collector.answered(result));
            }

            @Override
            public void failed(Mlx4jException error) {
                answer.completeExceptionally(error);
            }
        });
        return new Sent<>(client, id, answer).await();
    }

    /** Waits for a future. An interrupt ends only the wait. */
    static <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The thread that waited for the answer was interrupted.", "");
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        }
    }
}
