package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import java.util.concurrent.CompletableFuture;

/**
 * Completes a future, on a thread of the common pool, since the caller's continuations must not hold up a worker's
 * reader.
 */
record FutureSink(CompletableFuture<GenerationResult> future) implements GenerationSink {

    @Override
    public void text(GenerationEvent.Text text) {}

    @Override
    public void thinking(GenerationEvent.Thinking thinking) {}

    @Override
    public void completed(GenerationResult result) {
        future.completeAsync(() -> result);
    }

    @Override
    public void failed(Mlx4jException error) {
        future.defaultExecutor().execute(() -> future.completeExceptionally(error)); // not wrapped, unlike a thrown one
    }
}
