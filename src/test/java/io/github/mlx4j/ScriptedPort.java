package io.github.mlx4j;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A port whose requests are answered by the test, immediately or later. */
public final class ScriptedPort extends AbstractTextGenerationPort {

    private final List<Call> calls = new CopyOnWriteArrayList<>();
    private final Consumer<Call> script;

    private ScriptedPort(Consumer<Call> script) {
        this.script = script;
    }

    /** Hands each request to the script, on the thread that asks. */
    public static ScriptedPort of(Consumer<Call> script) {
        return new ScriptedPort(script);
    }

    /** Answers nothing by itself. */
    public static ScriptedPort silent() {
        return of(call -> {});
    }

    /** Answers with these pieces of text. */
    public static ScriptedPort saying(String... pieces) {
        return of(call -> {
            call.say(pieces);
            call.complete();
        });
    }

    /** Fails without any text. */
    public static ScriptedPort failing(Supplier<Mlx4jException> error) {
        return of(call -> call.fail(error.get()));
    }

    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        Call call = new Call(request, sink);
        calls.add(call);
        script.accept(call);
        return call;
    }

    /** Every request so far. */
    public List<Call> calls() {
        return calls;
    }

    /** The only request so far. */
    public Call call() {
        if (calls.size() != 1) {
            throw new AssertionError("one request was expected, but there were " + calls.size());
        }
        return calls.get(0);
    }

    /** One request. Cancelling it ends it as the contract requires, unless it has already ended. */
    public static final class Call implements Cancellation {

        private final GenerationRequest request;
        private final GenerationSink sink;
        private final StringBuilder text = new StringBuilder();
        private final StringBuilder thinking = new StringBuilder();
        private final AtomicInteger cancels = new AtomicInteger();
        private final AtomicBoolean ended = new AtomicBoolean();
        private volatile Mlx4jException whenCancelled = new CancelledException("Cancelled on demand.", "");

        private Call(GenerationRequest request, GenerationSink sink) {
            this.request = request;
            this.sink = sink;
        }

        /** What was asked. */
        public GenerationRequest request() {
            return request;
        }

        /** How often it was cancelled. */
        public int cancels() {
            return cancels.get();
        }

        /** Lets a cancel end it with this error, as if it had come just before. */
        public void failWhenCancelled(Mlx4jException error) {
            whenCancelled = error;
        }

        /** Gives pieces of text. */
        public void say(String... pieces) {
            for (String piece : pieces) {
                text.append(piece);
                sink.text(new GenerationEvent.Text(piece, List.of(piece.length())));
            }
        }

        /** Gives pieces of thinking. */
        public void think(String... pieces) {
            for (String piece : pieces) {
                thinking.append(piece);
                sink.thinking(new GenerationEvent.Thinking(piece, List.of(piece.length())));
            }
        }

        /** Ends the answer. */
        public void complete() {
            complete(result(thinking.toString(), text.toString()));
        }

        /** Ends it with this as the whole answer. */
        public void complete(GenerationResult result) {
            if (ended.compareAndSet(false, true)) {
                sink.completed(result);
            }
        }

        /** Ends it with an error. */
        public void fail(Mlx4jException error) {
            if (ended.compareAndSet(false, true)) {
                sink.failed(error);
            }
        }

        @Override
        public void cancel() {
            cancels.incrementAndGet();
            fail(whenCancelled);
        }
    }

    /** A whole answer of this text. */
    public static GenerationResult result(String text) {
        return result("", text);
    }

    /** A whole answer of this thinking and text. */
    public static GenerationResult result(String thinking, String text) {
        return new GenerationResult(
                text,
                thinking,
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                FinishReason.STOP,
                null,
                new Usage(1, text.length()),
                new Timings(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO),
                new Backend(ProviderKind.MLX, "scripted", "cpu"));
    }
}
