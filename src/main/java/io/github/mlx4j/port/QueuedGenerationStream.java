package io.github.mlx4j.port;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import java.lang.ref.Cleaner;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A stream over a queue between the thread that makes the answer and the one that reads it. What it can hold is bounded
 * by the request's {@code maxTokens}.
 */
final class QueuedGenerationStream implements GenerationStream {

    private static final Cleaner CLEANER = Cleaner.create();

    private final Answer answer;
    private final Cleaner.Cleanable cleanable;
    private final AtomicBoolean iterated = new AtomicBoolean();

    private QueuedGenerationStream(Answer answer) {
        this.answer = answer;
        this.cleanable = CLEANER.register(this, answer::cancel); // the answer must not refer to the stream
    }

    static GenerationStream start(Function<GenerationSink, Cancellation> source) {
        Answer answer = new Answer();
        answer.running.complete(source.apply(answer));
        return new QueuedGenerationStream(answer);
    }

    @Override
    public Iterator<GenerationEvent> iterator() {
        if (!iterated.compareAndSet(false, true)) {
            throw new IllegalStateException("A generation stream can be iterated over once");
        }
        return new Iterator<>() {
            private @Nullable GenerationEvent next;
            private boolean ended;

            @Override
            public boolean hasNext() {
                if (next == null && !ended) {
                    next = answer.take(QueuedGenerationStream.this);
                    ended = next instanceof GenerationEvent.Completed;
                }
                return next != null;
            }

            @Override
            public GenerationEvent next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                GenerationEvent event = next;
                next = null;
                return event;
            }
        };
    }

    @Override
    public GenerationResult result() {
        try {
            return answer.result.get();
        } catch (InterruptedException interrupt) {
            cancel();
            Thread.currentThread().interrupt();
            throw interrupted();
        } catch (ExecutionException failure) {
            throw asThrown(failure.getCause());
        }
    }

    @Override
    public void cancel() {
        cleanable.clean();
    }

    private static CancelledException interrupted() {
        return new CancelledException("The thread that waited for the answer was interrupted.", "");
    }

    private static RuntimeException asThrown(@Nullable Throwable error) {
        if (error instanceof Mlx4jException known) {
            return known;
        }
        return new IllegalStateException(error);
    }

    /** The part that the maker of the answer holds on to. */
    private static final class Answer implements GenerationSink {

        private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
        private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();

        void cancel() {
            if (!result.isDone()) {
                running.thenAccept(Cancellation::cancel);
            }
        }

        GenerationEvent take(QueuedGenerationStream reader) {
            try {
                Object event = events.take();
                if (event instanceof Mlx4jException error) {
                    events.add(error); // thrown again if asked again
                    throw asThrown(error);
                }
                return (GenerationEvent) event;
            } catch (InterruptedException interrupt) {
                reader.cancel();
                Thread.currentThread().interrupt();
                throw interrupted();
            }
        }

        @Override
        public void text(GenerationEvent.Text text) {
            events.add(text);
        }

        @Override
        public void thinking(GenerationEvent.Thinking thinking) {
            events.add(thinking);
        }

        @Override
        public void completed(GenerationResult whole) {
            events.add(new GenerationEvent.Completed(whole));
            result.complete(whole);
        }

        @Override
        public void failed(Mlx4jException error) {
            events.add(error);
            result.completeExceptionally(error);
        }
    }
}
