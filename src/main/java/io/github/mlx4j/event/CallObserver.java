package io.github.mlx4j.event;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reports the calls of a port to a listener. Does nothing without a listener. Thread-safe. */
public final class CallObserver {

    private final @Nullable Mlx4jListener listener;
    private final ProviderKind provider;
    private final String model;

    /**
     * Creates it.
     *
     * @param listener receives the events, or {@code null}
     * @param provider the provider that is tried first
     * @param model that provider's model
     */
    public CallObserver(@Nullable Mlx4jListener listener, ProviderKind provider, String model) {
        this.listener = listener == null ? null : Mlx4jListener.all(List.of(listener));
        this.provider = provider;
        this.model = model;
    }

    /** Starts observing a generation: returns a sink that forwards the answer. */
    public GenerationSink generation(GenerationRequest request, GenerationSink sink) {
        if (listener == null) {
            return sink;
        }
        ModelCall.Operation operation = request.prompt() instanceof Prompt.Chat
                ? ModelCall.Operation.CHAT
                : ModelCall.Operation.TEXT_COMPLETION;
        return new Watch(listener, begin(listener, operation), sink);
    }

    /** Observes a call that computes embeddings. */
    public List<float[]> vectors(int texts, Supplier<List<float[]>> make) {
        return observed(
                ModelCall.Operation.EMBEDDINGS,
                make,
                (listener, call, vectors, took) -> listener.onVectors(call, texts, took));
    }

    /** Observes a call that scores documents. */
    public RerankResult scores(int documents, Supplier<RerankResult> make) {
        return observed(
                ModelCall.Operation.RERANK,
                make,
                (listener, call, result, took) -> listener.onScores(call, result, took));
    }

    private <T> T observed(ModelCall.Operation operation, Supplier<T> make, End<T> end) {
        if (listener == null) {
            return make.get();
        }
        ModelCall call = begin(listener, operation);
        long begun = System.nanoTime();
        try {
            T result = make.get();
            end.tell(listener, call, result, since(begun));
            return result;
        } catch (Mlx4jException error) {
            listener.onFailure(call, error, since(begun));
            throw error;
        }
    }

    /** Reports a result to the listener. */
    private interface End<T> {
        void tell(Mlx4jListener listener, ModelCall call, T result, Duration took);
    }

    private ModelCall begin(Mlx4jListener listener, ModelCall.Operation operation) {
        ModelCall call = new ModelCall(UUID.randomUUID(), operation, provider, model);
        listener.onStart(call);
        return call;
    }

    private static Duration since(long begun) {
        return Duration.ofNanos(System.nanoTime() - begun);
    }

    private static final class Watch implements GenerationSink {

        private final Mlx4jListener listener;
        private final ModelCall call;
        private final GenerationSink sink;
        private final long begun = System.nanoTime();
        private boolean any;

        Watch(Mlx4jListener listener, ModelCall call, GenerationSink sink) {
            this.listener = listener;
            this.call = call;
            this.sink = sink;
        }

        @Override
        public void text(GenerationEvent.Text text) {
            came();
            sink.text(text);
        }

        @Override
        public void thinking(GenerationEvent.Thinking thinking) {
            came();
            sink.thinking(thinking);
        }

        @Override
        public void completed(GenerationResult result) {
            listener.onAnswer(call, result, since(begun));
            sink.completed(result);
        }

        @Override
        public void failed(Mlx4jException error) {
            listener.onFailure(call, error, since(begun));
            sink.failed(error);
        }

        private void came() {
            if (!any) {
                any = true;
                listener.onFirstToken(call, since(begun));
            }
        }
    }
}
