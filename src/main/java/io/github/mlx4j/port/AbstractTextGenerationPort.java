package io.github.mlx4j.port;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.event.CallObserver;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.threads.Daemons;
import java.util.concurrent.CompletableFuture;

/**
 * Implements every method of {@link TextGenerationPort} with a single one: extend this class and implement
 * {@link #start}.
 */
public abstract class AbstractTextGenerationPort implements TextGenerationPort {

    /** For subclasses. */
    protected AbstractTextGenerationPort() {}

    /**
     * Starts a request and returns immediately. The answer or the failure goes to {@code sink}, on any thread. The
     * other methods are built on this one, and decorators call it. After a cancellation, {@link GenerationSink#failed}
     * is called with a {@link CancelledException}, unless the answer was already complete.
     */
    public abstract Cancellation start(GenerationRequest request, GenerationSink sink);

    /**
     * Wraps the sink of a request from the application, for example with {@link CallObserver#generation} to notify a
     * listener. By default it returns {@code sink}. A decorator delegates to one of the ports it wraps, so that a
     * request is observed once, no matter how many ports it passes through.
     */
    public GenerationSink observed(GenerationRequest request, GenerationSink sink) {
        return sink;
    }

    @Override
    public final GenerationResult generate(GenerationRequest request) {
        try (GenerationStream stream = QueuedGenerationStream.withoutEvents(sink -> begin(request, sink))) {
            return stream.result();
        }
    }

    @Override
    public final GenerationStream stream(GenerationRequest request) {
        return QueuedGenerationStream.start(sink -> begin(request, sink));
    }

    @Override
    public final CompletableFuture<GenerationResult> generateAsync(GenerationRequest request) {
        CompletableFuture<GenerationResult> future = new CompletableFuture<>();
        FutureSink sink = new FutureSink(future);
        Cancellation running = begin(request, sink);
        future.whenComplete((result, error) -> {
            if (!sink.hasEnded()) { // cancelled, timed out or completed elsewhere, possibly on a timer thread
                Daemons.start("mlx4j-cancel", running::cancel);
            }
        });
        return future;
    }

    private Cancellation begin(GenerationRequest request, GenerationSink sink) {
        return DeadlineSink.start(this, request, observed(request, sink));
    }

    @Override
    public final Cancellation stream(GenerationRequest request, GenerationListener listener) {
        return ListenerThread.start(stream(request), listener);
    }
}
