package io.github.mlx4j.internal.worker;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A call that was sent.
 *
 * @param client the worker that it was sent to
 * @param id the call's ID
 * @param answer its result; fails with a {@link Mlx4jException}
 */
public record Sent<T>(WorkerClient client, String id, CompletableFuture<T> answer) {

    /** Asks the worker to cancel the call. Never blocks. */
    public void cancel() {
        client.cancel(id);
    }

    /**
     * Waits for the result.
     *
     * @throws CancelledException if the thread is interrupted, which cancels the call; the interrupt flag stays set
     */
    public T await() {
        try {
            return answer.get();
        } catch (InterruptedException interrupt) {
            cancel();
            Thread.currentThread().interrupt();
            throw new CancelledException("The thread that waited for the answer was interrupted.", "");
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        }
    }
}
