package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import java.util.concurrent.CompletableFuture;

/**
 * Completes a future on a thread of the common pool, so that the caller's continuations don't block a worker's reader.
 */
final class FutureSink implements GenerationSink {

    private final CompletableFuture<GenerationResult> future;
    private volatile boolean ended;

    FutureSink(CompletableFuture<GenerationResult> future) {
        this.future = future;
    }

    /** Whether the request has ended; if the future is done and this is false, someone else completed it. */
    boolean hasEnded() {
        return ended;
    }

    @Override
    public void text(GenerationEvent.Text text) {}

    @Override
    public void thinking(GenerationEvent.Thinking thinking) {}

    @Override
    public void completed(GenerationResult result) {
        ended = true;
        future.completeAsync(() -> result);
    }

    @Override
    public void failed(Mlx4jException error) {
        ended = true;
        future.defaultExecutor()
                .execute(() -> future.completeExceptionally(error)); // unlike a thrown exception, it is not wrapped
    }
}
