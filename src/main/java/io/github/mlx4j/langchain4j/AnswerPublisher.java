package io.github.mlx4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import io.github.mlx4j.error.ClientMemoryException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationResult;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes an answer as LangChain4j's events, which exist since version 1.20. Each subscription sends a request of its
 * own.
 *
 * @param start starts a request
 */
record AnswerPublisher(Function<GenerationListener, Cancellation> start)
        implements Flow.Publisher<ChatModelStreamingEvent> {

    /** The maximum number of events that are buffered until the subscriber requests them. */
    static final int MAX_WAITING = 16_384;

    private static final Logger log = LoggerFactory.getLogger(Mlx4jStreamingChatModel.class);

    @Override
    public void subscribe(Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
        Delivery delivery = new Delivery(subscriber);
        subscriber.onSubscribe(delivery);
        delivery.begin(start);
    }

    /**
     * One subscription. Events wait in a queue for demand. The thread that adds an event or demand delivers the events,
     * one thread at a time, so no thread blocks on a subscriber.
     */
    private static final class Delivery implements Flow.Subscription, GenerationListener {

        private final Flow.Subscriber<? super ChatModelStreamingEvent> subscriber;
        private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
        private final Queue<ChatModelStreamingEvent> events = new ArrayDeque<>();
        private @Nullable Runnable last; // delivered after the last event
        private long demand;
        private boolean delivering;
        private boolean ended; // the subscriber is no longer called

        Delivery(Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
            this.subscriber = subscriber;
        }

        void begin(Function<GenerationListener, Cancellation> start) {
            synchronized (this) {
                if (ended) {
                    return;
                }
            }
            try {
                running.complete(start.apply(this));
            } catch (Throwable refused) {
                end(() -> subscriber.onError(Failures.of(refused)));
            }
        }

        @Override
        public void request(long count) {
            synchronized (this) {
                if (count <= 0) {
                    drop(new IllegalArgumentException(
                            "A subscriber requested %d events, but must request at least 1".formatted(count)));
                } else {
                    demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
                }
            }
            deliver();
        }

        @Override
        public void cancel() {
            synchronized (this) {
                ended = true;
                events.clear();
            }
            running.thenAccept(Cancellation::cancel);
        }

        @Override
        public void onText(GenerationEvent.Text text) {
            if (!text.text().isEmpty()) {
                piece(new PartialResponse(text.text()));
            }
        }

        @Override
        public void onThinking(GenerationEvent.Thinking thinking) {
            if (!thinking.text().isEmpty()) {
                piece(new PartialThinking(thinking.text()));
            }
        }

        @Override
        public void onCompleted(GenerationResult result) {
            ChatResponse response;
            try {
                response = Answers.of(result);
            } catch (Mlx4jException unreadable) {
                onFailed(unreadable);
                return;
            }
            List<ToolExecutionRequest> calls = response.aiMessage().toolExecutionRequests();
            synchronized (this) {
                if (last == null && !ended) {
                    for (int i = 0; i < calls.size(); i++) {
                        events.add(new CompleteToolCall(i, calls.get(i)));
                    }
                    events.add(new CompleteResponse(response));
                }
            }
            end(subscriber::onComplete);
        }

        @Override
        public void onFailed(Mlx4jException error) {
            end(() -> subscriber.onError(Failures.of(error)));
        }

        private void piece(ChatModelStreamingEvent event) {
            synchronized (this) {
                if (ended || last != null) {
                    return;
                }
                if (events.size() < MAX_WAITING) {
                    events.add(event);
                } else {
                    drop(Failures.of(new ClientMemoryException(
                            "The subscriber did not request events fast enough: %,d are waiting."
                                    .formatted(MAX_WAITING),
                            "Request Long.MAX_VALUE events, or request more as you read them.")));
                }
            }
            deliver();
        }

        /** Discards the queued events, fails the subscription and cancels the request. The caller holds the lock. */
        private void drop(Throwable error) {
            events.clear();
            last = () -> subscriber.onError(error);
            running.thenAcceptAsync(Cancellation::cancel); // outside the lock
        }

        private void end(Runnable how) {
            synchronized (this) {
                if (last == null) {
                    last = how;
                }
            }
            deliver();
        }

        private void deliver() {
            synchronized (this) {
                if (delivering) {
                    return; // the thread that is delivering also delivers what has been added
                }
                delivering = true;
            }
            Runnable next = next();
            while (next != null) {
                try {
                    next.run();
                } catch (Throwable thrown) {
                    log.warn("A subscriber threw an exception, so its subscription is cancelled", thrown);
                    cancel();
                }
                next = next();
            }
        }

        private synchronized @Nullable Runnable next() {
            if (!ended && demand > 0 && !events.isEmpty()) {
                demand -= demand == Long.MAX_VALUE ? 0 : 1;
                ChatModelStreamingEvent event = events.remove();
                return () -> subscriber.onNext(event);
            }
            if (!ended && events.isEmpty() && last != null) {
                ended = true;
                return last;
            }
            delivering = false;
            return null;
        }
    }
}
