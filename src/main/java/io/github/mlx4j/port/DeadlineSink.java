package io.github.mlx4j.port;

import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.internal.threads.Timer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Forwards an answer until its deadline, then cancels the request and reports the expired deadline. */
final class DeadlineSink implements GenerationSink {

    private final GenerationSink sink;
    private final Duration deadline;
    private boolean ended;
    private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
    private volatile @Nullable Future<?> timer;

    private DeadlineSink(GenerationSink sink, Duration deadline) {
        this.sink = sink;
        this.deadline = deadline;
    }

    /** Starts a request with its deadline, if it has one. */
    static Cancellation start(AbstractTextGenerationPort port, GenerationRequest request, GenerationSink sink) {
        Duration deadline = request.deadline();
        if (deadline == null) {
            return started(port, request, sink);
        }
        if (deadline.isNegative() || deadline.isZero()) {
            sink.failed(new InvalidRequestException("The deadline is " + deadline + ", but must be positive.", ""));
            return () -> {};
        }
        DeadlineSink limited = new DeadlineSink(sink, deadline);
        limited.timer = Timer.after(deadline, "mlx4j-deadline", limited::expired);
        Cancellation running = started(port, request, limited);
        limited.running.complete(running);
        return running;
    }

    /** Passes an exception from the port to the sink, so that the caller is notified. */
    private static Cancellation started(
            AbstractTextGenerationPort port, GenerationRequest request, GenerationSink sink) {
        try {
            return port.start(request, sink);
        } catch (Throwable unstarted) {
            sink.failed(Mlx4jException.of(unstarted));
            return () -> {};
        }
    }

    @Override
    public synchronized void text(GenerationEvent.Text text) {
        if (!ended) {
            sink.text(text);
        }
    }

    @Override
    public synchronized void thinking(GenerationEvent.Thinking thinking) {
        if (!ended) {
            sink.thinking(thinking);
        }
    }

    @Override
    public void completed(GenerationResult result) {
        end(() -> sink.completed(result));
    }

    @Override
    public void failed(Mlx4jException error) {
        end(() -> sink.failed(error));
    }

    private void expired() {
        end(() -> sink.failed(new DeadlineExceededException(
                "The answer was not complete within the deadline of " + deadline.toMillis() + " ms.",
                "Set a longer deadline, request fewer tokens, or warm up the worker first.")));
        running.thenAccept(Cancellation::cancel); // no effect if the answer is complete
    }

    /** Reports the end once. Synchronized because calls to a sink must not overlap. */
    private synchronized void end(Runnable tell) {
        if (!ended) {
            ended = true;
            Future<?> waiting = timer;
            if (waiting != null) {
                waiting.cancel(false);
            }
            tell.run();
        }
    }
}
