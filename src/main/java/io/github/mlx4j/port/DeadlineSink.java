package io.github.mlx4j.port;

import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Passes an answer on until its deadline; then it ends the request and says so. */
final class DeadlineSink implements GenerationSink {

    private final GenerationSink sink;
    private final Duration deadline;
    private boolean ended;
    private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
    private final CompletableFuture<Void> timer = new CompletableFuture<>();

    private DeadlineSink(GenerationSink sink, Duration deadline) {
        this.sink = sink;
        this.deadline = deadline;
    }

    /** Starts a request of a port under the request's deadline, if it has one. */
    static Cancellation start(AbstractTextGenerationPort port, GenerationRequest request, GenerationSink sink) {
        Duration deadline = request.deadline();
        if (deadline == null) {
            return port.start(request, sink);
        }
        if (deadline.isNegative() || deadline.isZero()) {
            sink.failed(new InvalidRequestException("The deadline is " + deadline + ", but must be positive.", ""));
            return () -> {};
        }
        DeadlineSink limited = new DeadlineSink(sink, deadline);
        limited.timer.orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS).whenComplete((done, late) -> {
            if (late != null) {
                limited.expired();
            }
        });
        Cancellation running = port.start(request, limited);
        limited.running.complete(running);
        return running;
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
            timer.complete(null);
            tell.run();
        }
    }
}
