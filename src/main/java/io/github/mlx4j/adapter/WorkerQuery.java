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

/** A call that a caller waits for, sent once more if the worker dies meanwhile: it leaves nothing behind. */
final class WorkerQuery {

    private static final Logger log = LoggerFactory.getLogger(WorkerQuery.class);

    private WorkerQuery() {}

    /**
     * Collects the messages of one sending of a call. Called on the worker's reader thread; an
     * {@link IllegalArgumentException} fails the call.
     *
     * @param <R> the call's own result
     * @param <T> the outcome of all its messages
     */
    interface Collector<R, T> {

        /** A notification before the answer. */
        void notified(String method, JsonNode params);

        /** The answer. */
        T answered(R result);
    }

    /** Waits for the answer. An interrupt cancels the call. */
    static <T> T ask(Worker worker, WorkerCall<T> call) {
        return twice(call.method(), () -> {
            WorkerClient client = ready(worker).client();
            return client.send(call, progress -> {}).await();
        });
    }

    /** Waits for the answer, with a new collector for each sending. An interrupt cancels the call. */
    static <R, T> T ask(Worker worker, WorkerCall<R> call, Supplier<? extends Collector<R, T>> collectors) {
        return twice(call.method(), () -> once(ready(worker).client(), call, collectors.get()));
    }

    private static <T> T twice(Method method, Supplier<T> asking) {
        try {
            return asking.get();
        } catch (WorkerDiedException | WorkerHungException gone) {
            log.warn("The worker ended before it answered {}, which is sent once more: {}", method.id(), gone.reason());
            return asking.get();
        }
    }

    /** Waits for the worker, which is started if need be. An interrupt ends the waiting only. */
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

    /** Waits; an interrupt ends the waiting only. */
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
