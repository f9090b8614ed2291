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

/** All forms of {@link TextGenerationPort} over one method: extend it and write {@link #start}. */
public abstract class AbstractTextGenerationPort implements TextGenerationPort {

    /** For subclasses. */
    protected AbstractTextGenerationPort() {}

    /**
     * The form that the others are built on, and that decorators use: starts a request and returns at once; what comes
     * of it goes to {@code sink}, on any thread, failures included. After a cancel the sink's
     * {@link GenerationSink#failed} is called with a {@link CancelledException}, unless the answer was complete before.
     */
    public abstract Cancellation start(GenerationRequest request, GenerationSink sink);

    /**
     * What the answer to a request of a program goes through first; {@link CallObserver#generation} lets a listener
     * hear of it. Here it is {@code sink} itself. A decorator, which calls {@link #start} of the ports behind it, asks
     * one of them here, so that a request is seen once, however many ports it goes through.
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
            if (!sink.hasEnded()) { // cancelled, timed out or completed by somebody else, maybe on a timer's thread
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
