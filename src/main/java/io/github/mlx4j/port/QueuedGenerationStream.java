package io.github.mlx4j.port;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClientMemoryException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.internal.threads.Daemons;
import java.lang.ref.Cleaner;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A stream backed by a queue between the producing and the reading thread. The queue is bounded in bytes; the request
 * fails if it overflows.
 */
final class QueuedGenerationStream implements GenerationStream {

    private static final long MAX_BYTES = 64 << 20;
    private static final int SHARES = 64;

    /** Estimated size limit of unread events: 1/64 of the maximum heap, at most 64 MiB. */
    private static final long UNREAD_BYTES =
            Math.min(MAX_BYTES, Runtime.getRuntime().maxMemory() / SHARES);

    private static final Cleaner CLEANER = Cleaner.create();

    private final Answer answer;
    private final Cleaner.Cleanable cleanable;

    private QueuedGenerationStream(Answer answer) {
        this.answer = answer;
        this.cleanable = CLEANER.register(this, answer::cancel); // the answer must not refer to the stream
    }

    static GenerationStream start(Function<GenerationSink, Cancellation> source) {
        return start(source, UNREAD_BYTES);
    }

    /** A stream whose unread events may use this much memory, in bytes. */
    static GenerationStream start(Function<GenerationSink, Cancellation> source, long unreadBytes) {
        return start(source, new Answer(unreadBytes));
    }

    /** A stream for {@link #result()} only; it keeps no events. */
    static GenerationStream withoutEvents(Function<GenerationSink, Cancellation> source) {
        Answer answer = new Answer(0);
        answer.closed = true;
        return start(source, answer);
    }

    private static GenerationStream start(Function<GenerationSink, Cancellation> source, Answer answer) {
        answer.running.complete(source.apply(answer));
        return new QueuedGenerationStream(answer);
    }

    @Override
    public Iterator<GenerationEvent> iterator() {
        if (!answer.iterated.compareAndSet(false, true)) {
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
                GenerationEvent event = hasNext() ? next : null;
                if (event == null) {
                    throw new NoSuchElementException();
                }
                next = null;
                return event;
            }
        };
    }

    @Override
    public GenerationResult result() {
        answer.awaited = true;
        try {
            return answer.result.get();
        } catch (InterruptedException interrupt) {
            cancel();
            Thread.currentThread().interrupt();
            throw interrupted();
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        }
    }

    @Override
    public void cancel() {
        cleanable.clean();
    }

    private static CancelledException interrupted() {
        return new CancelledException("The thread that waited for the answer was interrupted.", "");
    }

    /** The part that the producer of the answer references. */
    private static final class Answer implements GenerationSink {

        private final long unreadBytes;
        private final AtomicLong unread = new AtomicLong();
        private final AtomicBoolean iterated = new AtomicBoolean();
        private volatile boolean awaited; // result() was called
        private volatile boolean closed; // accepts no more events
        private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
        private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();

        Answer(long unreadBytes) {
            this.unreadBytes = unreadBytes;
        }

        void cancel() {
            if (!result.isDone()) {
                running.thenAccept(Cancellation::cancel);
            }
        }

        GenerationEvent take(QueuedGenerationStream reader) {
            try {
                Object event = events.take();
                if (event instanceof Mlx4jException error) {
                    events.add(error); // next calls throw it again
                    throw Mlx4jException.of(new ExecutionException(error)); // with this thread's stack trace
                }
                GenerationEvent taken = (GenerationEvent) event;
                unread.addAndGet(-bytes(taken));
                return taken;
            } catch (InterruptedException interrupt) {
                reader.cancel();
                Thread.currentThread().interrupt();
                throw interrupted();
            }
        }

        @Override
        public void text(GenerationEvent.Text text) {
            add(text);
        }

        @Override
        public void thinking(GenerationEvent.Thinking thinking) {
            add(thinking);
        }

        private void add(GenerationEvent event) {
            if (closed) {
                return;
            }
            if (unread.addAndGet(bytes(event)) <= unreadBytes) {
                events.add(event);
                return;
            }
            closed = true;
            ClientMemoryException full = new ClientMemoryException(
                    "The events of this stream were not read in time and exceed %,d bytes.".formatted(unreadBytes),
                    "Read the stream faster, request fewer log probabilities, or use generate().");
            events.add(full);
            if (!awaited || iterated.get()) { // otherwise the caller only waits for the result
                result.completeExceptionally(full);
                running.thenAccept(request -> Daemons.start("mlx4j-cancel", request::cancel)); // without holding a lock
            }
        }

        @Override
        public void completed(GenerationResult whole) {
            if (!closed) {
                events.add(new GenerationEvent.Completed(whole));
            }
            result.complete(whole);
        }

        @Override
        public void failed(Mlx4jException error) {
            if (!closed) {
                events.add(error);
            }
            result.completeExceptionally(error);
        }

        /** Approximate heap size of an event: objects, boxed tokens, characters. */
        private static long bytes(GenerationEvent event) {
            if (event instanceof GenerationEvent.Text text) {
                return bytes(text.text(), text.tokens(), text.logProbs());
            }
            return event instanceof GenerationEvent.Thinking thinking
                    ? bytes(thinking.text(), thinking.tokens(), thinking.logProbs())
                    : 0;
        }

        private static long bytes(String text, List<Integer> tokens, List<TokenLogProb> logProbs) {
            long bytes = 200 + 2L * text.length() + 20L * tokens.size();
            for (TokenLogProb one : logProbs) {
                bytes += 100;
                for (TokenLogProb.Candidate candidate : one.top()) {
                    bytes += 80 + 2L * candidate.text().length();
                }
            }
            return bytes;
        }
    }
}
