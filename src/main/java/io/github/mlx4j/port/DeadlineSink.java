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

/** Passes an answer on until its deadline; then it ends the request and says so. */
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

    /** Starts a request of a port under the request's deadline, if it has one. */
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

    /** What a port throws is a failure like any other: whoever waits must be told. */
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
                "The answer was not whole within the request's deadline of " + deadline.toMillis() + " ms.",
                "Allow more time, ask for fewer tokens, or warm the worker up first.")));
        running.thenAccept(Cancellation::cancel); // of no effect where the answer was whole
    }

    /** Tells of the end, the first time. Synchronized, since a sink is called by one thread at a time. */
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
