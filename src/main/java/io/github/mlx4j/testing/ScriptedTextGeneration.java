package io.github.mlx4j.testing;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Cancellation;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Generates text from a script instead of a model, for tests.
 *
 * <pre>{@code
 * ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
 *         .when(request -> request.thinking() != null, ScriptedAnswer.text("Hm."))
 *         .answer("The first of the other answers")
 *         .answer(ScriptedAnswer.pieces("The ", "second").withDelay(Duration.ofMillis(50)))
 *         .build();
 * }</pre>
 *
 * <p>All methods of {@link io.github.mlx4j.port.TextGenerationPort} work as with a model, including cancellation and
 * deadlines. The options of a request have no effect on its answer; for example, an answer follows the response format
 * only if the script does. Each request is answered on its own thread. Thread-safe.
 */
public final class ScriptedTextGeneration extends AbstractTextGenerationPort {

    private static final Timings NO_TIME = new Timings(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO);
    private static final Backend BACKEND = new Backend(ProviderKind.MLX, "scripted", "cpu");

    private final List<Rule> rules;
    private final Queue<ScriptedAnswer> inOrder;
    private final List<GenerationRequest> requests = new CopyOnWriteArrayList<>();

    private record Rule(Predicate<GenerationRequest> when, ScriptedAnswer answer) {}

    private ScriptedTextGeneration(Builder builder) {
        rules = List.copyOf(builder.rules);
        inOrder = new ConcurrentLinkedQueue<>(builder.inOrder);
    }

    /** Creates an instance that answers with these texts in order, one per request. */
    public static ScriptedTextGeneration answering(String... texts) {
        Builder builder = builder();
        Arrays.stream(texts).forEach(builder::answer);
        return builder.build();
    }

    /** Returns a builder for a script. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public Optional<String> modelName() {
        return Optional.of(BACKEND.model());
    }

    /** Returns all requests so far, oldest first. */
    public List<GenerationRequest> requests() {
        return List.copyOf(requests);
    }

    /**
     * {@inheritDoc}
     *
     * @throws InvalidRequestException if the script has no answer for the request
     */
    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        requests.add(request);
        Telling telling = new Telling(answer(request), sink, new CountDownLatch(1));
        Thread thread = new Thread(telling, "mlx4j-scripted");
        thread.setDaemon(true);
        thread.start();
        return telling;
    }

    private ScriptedAnswer answer(GenerationRequest request) {
        for (Rule rule : rules) {
            if (rule.when().test(request)) {
                return rule.answer();
            }
        }
        ScriptedAnswer next = inOrder.poll();
        if (next == null) {
            throw new InvalidRequestException(
                    "The script has no answer for request %d: %s".formatted(requests.size(), request.prompt()),
                    "Add an answer to the script.");
        }
        return next;
    }

    /** An answer that is being delivered; only its own thread calls the sink. */
    private record Telling(ScriptedAnswer answer, GenerationSink sink, CountDownLatch cancelled)
            implements Cancellation, Runnable {

        @Override
        public void cancel() {
            cancelled.countDown();
        }

        @Override
        public void run() {
            if (!answer.thinking().isEmpty()) {
                if (isCancelledInTime()) {
                    return;
                }
                sink.thinking(new GenerationEvent.Thinking(answer.thinking(), List.of()));
            }
            for (int i = 0; i < answer.pieces().size(); i++) {
                if (isCancelledInTime()) {
                    return;
                }
                sink.text(new GenerationEvent.Text(answer.pieces().get(i), List.of(i)));
            }
            if (isCancelledInTime()) {
                return;
            }
            if (answer.failure() != null) {
                sink.failed(answer.failure());
            } else {
                sink.completed(result());
            }
        }

        /** Waits for the delay. If the request is cancelled in the meantime, ends the answer and returns true. */
        private boolean isCancelledInTime() {
            boolean ended = true;
            try {
                ended = cancelled.await(answer.delay().toNanos(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException interrupt) { // unexpected; ends the answer
                Thread.currentThread().interrupt();
            }
            if (ended) {
                sink.failed(new CancelledException("Cancelled on demand.", ""));
            }
            return ended;
        }

        private GenerationResult result() {
            int pieces = answer.pieces().size();
            return new GenerationResult(
                    String.join("", answer.pieces()),
                    answer.thinking(),
                    answer.toolCalls(),
                    List.of(),
                    IntStream.range(0, pieces).boxed().toList(),
                    List.of(),
                    answer.finishReason(),
                    null,
                    new Usage(1, pieces),
                    NO_TIME,
                    BACKEND);
        }
    }

    /** Builds a {@link ScriptedTextGeneration}. Not thread-safe. */
    public static final class Builder {
        private final List<Rule> rules = new ArrayList<>();
        private final List<ScriptedAnswer> inOrder = new ArrayList<>();

        private Builder() {}

        /** Adds the next text for requests that match no rule. */
        public Builder answer(String text) {
            return answer(ScriptedAnswer.text(text));
        }

        /** Adds the next answer for requests that match no rule. */
        public Builder answer(ScriptedAnswer answer) {
            inOrder.add(answer);
            return this;
        }

        /** Adds a rule with the answer for every matching request. The first matching rule applies. */
        public Builder when(Predicate<GenerationRequest> request, ScriptedAnswer answer) {
            rules.add(new Rule(request, answer));
            return this;
        }

        /** Adds a rule for requests whose messages or raw text contain {@code part}. */
        public Builder whenAsked(String part, String text) {
            return when(request -> request.prompt().toString().contains(part), ScriptedAnswer.text(text));
        }

        /** Builds the scripted port. */
        public ScriptedTextGeneration build() {
            return new ScriptedTextGeneration(this);
        }
    }
}
