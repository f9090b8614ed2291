package io.github.mlx4j.port;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClientMemoryException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class AbstractTextGenerationPortTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final GenerationRequest REQUEST = GenerationRequest.raw("Once");
    private static final EngineException BROKEN = new EngineException("It broke.", "Do this.");

    @Test
    void shouldGiveTheWholeAnswerWhenWaitedFor() {
        ScriptedPort port = ScriptedPort.saying("Hel", "lo");

        assertThat(port.generate(REQUEST)).isEqualTo(ScriptedPort.result("Hello"));
        assertThat(port.call().request()).isSameAs(REQUEST);
        assertThat(port.call().cancels()).isZero();
    }

    @Test
    void shouldAskAsUserWhenOnlyTextIsGiven() {
        ScriptedPort port = ScriptedPort.saying("Hello");

        assertThat(port.generate("Hi").text()).isEqualTo("Hello");
        assertThat(port.call().request()).isEqualTo(GenerationRequest.chat("Hi"));
    }

    @Test
    void shouldGiveTheWholeAnswerWhenAskedForAFuture() {
        ScriptedPort port = ScriptedPort.saying("Hel", "lo");

        assertThat(port.generateAsync(REQUEST)).succeedsWithin(SOON).isEqualTo(ScriptedPort.result("Hello"));
    }

    @Test
    void shouldGiveEachPieceWhenIteratedOver() {
        try (GenerationStream stream = ScriptedPort.saying("Hel", "lo").stream(REQUEST)) {
            assertThat(stream).containsExactly(text("Hel"), text("lo"), completed("Hello"));
        }
    }

    @Test
    void shouldTellEachPieceWhenListenedTo() {
        Listener listener = new Listener();

        ScriptedPort.saying("Hel", "lo").stream(REQUEST, listener);

        assertThat(listener.ended).succeedsWithin(SOON);
        assertThat(listener.heard).containsExactly("Hel", "lo", "completed: Hello");
    }

    @Test
    void shouldGiveThinkingApartFromTheTextInEveryForm() {
        ScriptedPort port = ScriptedPort.of(call -> {
            call.think("Hm, ", "well");
            call.say("Hello");
            call.complete();
        });
        GenerationRequest patient =
                REQUEST.toBuilder().deadline(Duration.ofMinutes(1)).build();
        GenerationResult whole = ScriptedPort.result("Hm, well", "Hello");
        Listener listener = new Listener() {
            @Override
            public void onThinking(GenerationEvent.Thinking thinking) {
                hear("thinking: " + thinking.text());
            }
        };

        port.stream(REQUEST, listener);

        assertThat(listener.ended).succeedsWithin(SOON);
        assertThat(listener.heard).containsExactly("thinking: Hm, ", "thinking: well", "Hello", "completed: Hello");
        assertThat(port.generate(patient)).isEqualTo(whole);
        assertThat(port.generateAsync(REQUEST)).succeedsWithin(SOON).isEqualTo(whole);
        try (GenerationStream stream = port.stream(patient)) {
            assertThat(stream)
                    .containsExactly(
                            new GenerationEvent.Thinking("Hm, ", List.of(4)),
                            new GenerationEvent.Thinking("well", List.of(4)),
                            text("Hello"),
                            new GenerationEvent.Completed(whole));
        }
    }

    @Test
    void shouldGiveTheResultWhenNothingWasIterated() {
        try (GenerationStream stream = ScriptedPort.saying("Hel", "lo").stream(REQUEST)) {
            assertThat(stream.result()).isEqualTo(ScriptedPort.result("Hello"));
            assertThat(stream).as("the events are still there").contains(text("Hel"));
        }
    }

    @Test
    void shouldGiveTheResultWhenEverythingWasIterated() {
        try (GenerationStream stream = ScriptedPort.saying("Hel", "lo").stream(REQUEST)) {
            assertThat(stream).hasSize(3);
            assertThat(stream.result()).isEqualTo(ScriptedPort.result("Hello"));
        }
    }

    @Test
    void shouldRefuseWhenIteratedTwice() {
        try (GenerationStream stream = ScriptedPort.saying("Hello").stream(REQUEST)) {
            stream.iterator();

            assertThatIllegalStateException()
                    .isThrownBy(stream::iterator)
                    .withMessage("A generation stream can be iterated over once");
        }
    }

    @Test
    void shouldHaveNoMoreWhenTheAnswerIsWhole() {
        try (GenerationStream stream = ScriptedPort.saying().stream(REQUEST)) {
            Iterator<GenerationEvent> events = stream.iterator();

            assertThat(events.next()).isEqualTo(completed(""));
            assertThat(events.hasNext()).isFalse();
            assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(events::next);
        }
    }

    @Test
    void shouldWaitForTheNextPieceWhenItIsNotThereYet() throws Exception {
        ScriptedPort port = ScriptedPort.silent();
        try (GenerationStream stream = port.stream(REQUEST)) {
            CompletableFuture<GenerationEvent> next = new CompletableFuture<>();
            Thread reader =
                    thread("reader", () -> next.complete(stream.iterator().next()));
            awaitWaiting(reader);

            port.call().say("late");

            assertThat(next).succeedsWithin(SOON).isEqualTo(text("late"));
        }
    }

    @Test
    void shouldThrowAfterTheEventsBeforeItWhenItFails() {
        ScriptedPort port = ScriptedPort.of(call -> {
            call.say("Hel");
            call.fail(BROKEN);
        });
        try (GenerationStream stream = port.stream(REQUEST)) {
            Iterator<GenerationEvent> events = stream.iterator();

            assertThat(events.next()).isEqualTo(text("Hel"));
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(events::hasNext)
                    .withMessage(BROKEN.getMessage());
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(events::next)
                    .withMessage(BROKEN.getMessage());
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(stream::result)
                    .withMessage(BROKEN.getMessage());
        }
        assertThat(port.call().cancels())
                .as("there was nothing to cancel any more")
                .isZero();
    }

    @Test
    void shouldThrowTheSameInEveryFormWhenItFails() {
        ScriptedPort port = ScriptedPort.failing(() -> BROKEN);
        Listener listener = new Listener();

        port.stream(REQUEST, listener);

        assertThat(listener.ended).succeedsWithin(SOON);
        assertThat(listener.heard).containsExactly("failed: ENGINE_FAILED");
        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> port.generate(REQUEST))
                .withMessage(BROKEN.getMessage());
        assertThat(port.generateAsync(REQUEST))
                .failsWithin(SOON)
                .withThrowableThat()
                .havingCause()
                .isSameAs(BROKEN);
    }

    @Test
    void shouldHandTheErrorItselfToAContinuationWhenItFails() {
        ScriptedPort port = ScriptedPort.silent();
        CompletableFuture<Throwable> error = new CompletableFuture<>();
        port.generateAsync(REQUEST).whenComplete((result, thrown) -> error.complete(thrown));

        port.call().fail(BROKEN);

        assertThat(error).succeedsWithin(SOON).isSameAs(BROKEN);
    }

    @Test
    void shouldEndCancelledWhenCancelledBeforeAnything() {
        ScriptedPort port = ScriptedPort.silent();
        try (GenerationStream stream = port.stream(REQUEST)) {
            stream.cancel();

            assertThat(port.call().cancels()).isEqualTo(1);
            assertThatExceptionOfType(CancelledException.class)
                    .isThrownBy(() -> stream.iterator().next())
                    .satisfies(error -> assertThat(error.code()).isEqualTo("CANCELLED"));
            assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
        }
    }

    @Test
    void shouldKeepWhatCameWhenCancelledInTheMiddle() {
        ScriptedPort port = ScriptedPort.of(call -> call.say("Hel"));
        try (GenerationStream stream = port.stream(REQUEST)) {
            Iterator<GenerationEvent> events = stream.iterator();
            stream.cancel();

            assertThat(events.next()).isEqualTo(text("Hel"));
            assertThatExceptionOfType(CancelledException.class).isThrownBy(events::next);
        }
    }

    @Test
    void shouldCancelOnceWhenCancelledAndClosedAgainAndAgain() {
        ScriptedPort port = ScriptedPort.silent();
        GenerationStream stream = port.stream(REQUEST);

        stream.cancel();
        stream.cancel();
        stream.close();
        stream.close();

        assertThat(port.call().cancels()).isEqualTo(1);
    }

    @Test
    void shouldCancelNothingWhenTheAnswerIsWholeAlready() {
        ScriptedPort port = ScriptedPort.saying("Hello");
        GenerationStream stream = port.stream(REQUEST);

        stream.cancel();

        assertThat(port.call().cancels()).isZero();
        assertThat(stream.result().text()).isEqualTo("Hello");
        stream.close();
    }

    @Test
    void shouldCancelWhenClosedHalfRead() {
        ScriptedPort port = ScriptedPort.of(call -> call.say("Hel"));

        try (GenerationStream stream = port.stream(REQUEST)) {
            assertThat(stream.iterator().next()).isEqualTo(text("Hel"));
        }

        assertThat(port.call().cancels()).isEqualTo(1);
    }

    @Test
    void shouldCancelAndKeepTheFlagWhenInterruptedInGenerate() throws Exception {
        ScriptedPort port = ScriptedPort.silent();

        assertCancelledByInterrupt(port, () -> port.generate(REQUEST));
    }

    @Test
    void shouldCancelAndKeepTheFlagWhenInterruptedInIteration() throws Exception {
        ScriptedPort port = ScriptedPort.silent();
        try (GenerationStream stream = port.stream(REQUEST)) {
            assertCancelledByInterrupt(port, () -> stream.iterator().next());
        }
    }

    @Test
    void shouldCancelNothingWhenItsFutureIsDone() {
        ScriptedPort port = ScriptedPort.saying("Hello");
        CompletableFuture<GenerationResult> future = port.generateAsync(REQUEST);
        assertThat(future).succeedsWithin(SOON);

        future.cancel(true);

        assertThat(port.call().cancels()).isZero();
    }

    @Test
    void shouldRunNoContinuationOnTheProducersThreadWhenTheAnswerIsWhole() throws Exception {
        assertContinuationIsElsewhere(ScriptedPort.Call::complete);
    }

    @Test
    void shouldRunNoContinuationOnTheProducersThreadWhenItFails() throws Exception {
        assertContinuationIsElsewhere(call -> call.fail(BROKEN));
    }

    @Test
    void shouldTellAListenerOnOneThreadOfItsOwn() throws Exception {
        ScriptedPort port = ScriptedPort.silent();
        Listener listener = new Listener();

        port.stream(REQUEST, listener);
        for (String piece : List.of("a", "b", "c")) {
            thread("producer", () -> port.call().say(piece)).join();
        }
        thread("producer", () -> port.call().complete()).join();

        assertThat(listener.ended).succeedsWithin(SOON);
        assertThat(listener.heard).containsExactly("a", "b", "c", "completed: abc");
        assertThat(listener.threads.stream().distinct())
                .singleElement()
                .isNotEqualTo(Thread.currentThread())
                .satisfies(thread -> assertThat(thread.getName()).isEqualTo("mlx4j-listener"))
                .satisfies(thread -> assertThat(thread.isDaemon()).isTrue());
    }

    static List<Throwable> anything() {
        return List.of(
                new IllegalStateException("thrown by the test"),
                new IOException("a checked one, as Kotlin throws them"),
                new AssertionError("thrown by the test"),
                new StackOverflowError(),
                new EngineException("one of ours", ""));
    }

    @ParameterizedTest
    @MethodSource("anything")
    void shouldCancelAndFailOnceWhenAListenerThrowsAnything(Throwable thrown) {
        ScriptedPort port = ScriptedPort.of(call -> call.say("Hel", "lo"));
        AtomicReference<Mlx4jException> failure = new AtomicReference<>();
        Listener listener = new Listener() {
            @Override
            public void onText(GenerationEvent.Text text) {
                super.onText(text);
                sneakyThrow(thrown);
            }

            @Override
            public void onFailed(Mlx4jException error) {
                failure.set(error);
                super.onFailed(error);
                sneakyThrow(thrown);
            }
        };

        port.stream(REQUEST, listener);

        assertThat(listener.ended).succeedsWithin(SOON);
        await().until(() -> port.call().cancels() == 1);
        assertThat(listener.heard).containsExactly("Hel", "failed: CANCELLED");
        assertThat(failure.get()).hasCause(thrown);
    }

    @Test
    void shouldCancelNothingWhenAListenerThrowsAtItsLastCall() {
        ScriptedPort port = ScriptedPort.saying("Hello");
        CompletableFuture<String> end = new CompletableFuture<>();

        port.stream(REQUEST, new Listener() {
            @Override
            public void onCompleted(GenerationResult result) {
                end.complete("completed");
                sneakyThrow(new AssertionError("thrown by the test"));
            }

            @Override
            public void onFailed(Mlx4jException error) {
                end.complete("failed, too");
            }
        });

        assertThat(end).succeedsWithin(SOON).isEqualTo("completed");
        assertThat(port.call().cancels()).isZero();
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneakyThrow(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @Test
    void shouldFailInEveryFormWhenAPortThrows() {
        ScriptedPort port = ScriptedPort.of(call -> sneakyThrow(new AssertionError("thrown by the test")));
        GenerationRequest patient =
                REQUEST.toBuilder().deadline(Duration.ofMinutes(1)).build();

        for (GenerationRequest request : List.of(REQUEST, patient)) {
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(() -> port.generate(request))
                    .withCauseInstanceOf(AssertionError.class);
            assertThat(port.generateAsync(request)).failsWithin(SOON);
        }
    }

    static List<Consumer<CompletableFuture<?>>> endings() {
        return List.of(
                future -> future.cancel(true),
                future -> future.orTimeout(1, TimeUnit.MILLISECONDS),
                future -> future.completeExceptionally(new IllegalStateException("by somebody else")),
                future -> future.complete(null));
    }

    @ParameterizedTest
    @MethodSource("endings")
    void shouldCancelHoweverItsFutureEnds(Consumer<CompletableFuture<?>> ending) {
        ScriptedPort port = ScriptedPort.silent();

        CompletableFuture<GenerationResult> future = port.generateAsync(REQUEST);
        assertThat(port.call().cancels()).isZero();
        ending.accept(future);

        await().until(() -> port.call().cancels() == 1);
    }

    @ParameterizedTest
    @MethodSource("endings")
    void shouldCancelHoweverItsTypedFutureEnds(Consumer<CompletableFuture<?>> ending) {
        ScriptedPort port = ScriptedPort.silent();

        ending.accept(port.generateAsync(REQUEST, Typed.class));

        await().until(() -> port.call().cancels() == 1);
    }

    record Typed(String name) {}

    @Test
    void shouldFailAndCancelWhenUnreadEventsTakeTooMuchMemory() {
        ScriptedPort port = ScriptedPort.of(call -> {
            for (int i = 0; i < 100; i++) {
                call.say("x".repeat(1000));
            }
        });
        try (GenerationStream stream = QueuedGenerationStream.start(sink -> port.start(REQUEST, sink), 50_000)) {
            await().until(() -> port.call().cancels() == 1);
            assertThatExceptionOfType(ClientMemoryException.class)
                    .isThrownBy(() -> stream.forEach(event -> {}))
                    .withMessageContaining("50,000 bytes");
            assertThatExceptionOfType(ClientMemoryException.class).isThrownBy(stream::result);
        }
    }

    @Test
    void shouldHoldAnyNumberOfEventsThatAreReadInTime() {
        ScriptedPort port = ScriptedPort.silent();
        try (GenerationStream stream = QueuedGenerationStream.start(sink -> port.start(REQUEST, sink), 50_000)) {
            Iterator<GenerationEvent> events = stream.iterator();
            for (int i = 0; i < 1000; i++) {
                port.call().say("x".repeat(1000));
                assertThat(events.next()).isInstanceOf(GenerationEvent.Text.class);
            }
        }
    }

    @Test
    void shouldGiveTheResultOfAnAnswerOfAnyLengthWhenOnlyThatIsAwaited() throws Exception {
        ScriptedPort port = ScriptedPort.silent();
        GenerationStream stream = QueuedGenerationStream.start(sink -> port.start(REQUEST, sink), 50_000);
        CompletableFuture<GenerationResult> result = new CompletableFuture<>();
        awaitWaiting(thread("waits", () -> result.complete(stream.result())));

        for (int i = 0; i < 100; i++) {
            port.call().say("x".repeat(1000));
        }
        port.call().complete();

        assertThat(result)
                .succeedsWithin(SOON)
                .satisfies(whole -> assertThat(whole.text()).hasSize(100_000));
        assertThat(port.call().cancels()).isZero();
        assertThatExceptionOfType(ClientMemoryException.class).isThrownBy(() -> stream.forEach(event -> {}));
    }

    @Test
    void shouldTellTheListenerOnceWhenCancelled() {
        ScriptedPort port = ScriptedPort.silent();
        Listener listener = new Listener();

        Cancellation running = port.stream(REQUEST, listener);
        running.cancel();
        running.cancel();

        assertThat(listener.ended).succeedsWithin(SOON);
        assertThat(listener.heard).containsExactly("failed: CANCELLED");
        assertThat(port.call().cancels()).isEqualTo(1);
    }

    @Test
    void shouldCancelWhenItsStreamIsDropped() {
        ScriptedPort port = ScriptedPort.silent();
        port.stream(REQUEST);

        await().atMost(SOON).until(() -> {
            System.gc();
            return port.call().cancels() == 1;
        });
    }

    @Test
    void shouldGoOnWhenOnlyItsIteratorIsHeld() {
        ScriptedPort port = ScriptedPort.silent();
        Iterator<GenerationEvent> held = port.stream(REQUEST).iterator();
        ScriptedPort other = ScriptedPort.silent();
        other.stream(REQUEST);

        await().atMost(SOON).until(() -> {
            System.gc();
            return other.call().cancels() == 1;
        });
        System.gc();
        port.call().say("Hello");

        assertThat(held.next()).isEqualTo(text("Hello"));
        assertThat(port.call().cancels()).isZero();
    }

    private static GenerationEvent text(String text) {
        return new GenerationEvent.Text(text, List.of(text.length()));
    }

    private static GenerationEvent completed(String text) {
        return new GenerationEvent.Completed(ScriptedPort.result(text));
    }

    private static void assertCancelledByInterrupt(ScriptedPort port, Runnable waiting) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        CompletableFuture<Boolean> flag = new CompletableFuture<>();
        Thread waiter = thread("waiter", () -> {
            try {
                waiting.run();
            } catch (Mlx4jException error) {
                thrown.set(error);
            }
            flag.complete(Thread.currentThread().isInterrupted());
        });
        awaitWaiting(waiter);

        waiter.interrupt();

        assertThat(flag).succeedsWithin(SOON).isEqualTo(true);
        assertThat(thrown.get())
                .isInstanceOf(CancelledException.class)
                .hasMessage("The thread that waited for the answer was interrupted.");
        assertThat(port.call().cancels()).isEqualTo(1);
    }

    private static void assertContinuationIsElsewhere(Consumer<ScriptedPort.Call> end) throws InterruptedException {
        ScriptedPort port = ScriptedPort.silent();
        CompletableFuture<Thread> continued = new CompletableFuture<>();
        CountDownLatch producerMayEnd = new CountDownLatch(1);
        port.generateAsync(REQUEST).whenComplete((result, error) -> continued.complete(Thread.currentThread()));

        Thread producer = thread("producer", () -> {
            end.accept(port.call());
            try {
                producerMayEnd.await(SOON.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        });

        assertThat(continued).succeedsWithin(SOON).isNotSameAs(producer);
        producerMayEnd.countDown();
        producer.join();
    }

    private static Thread thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void awaitWaiting(Thread thread) {
        await().atMost(SOON).until(() -> thread.getState() == Thread.State.WAITING);
    }

    /** Records its events and the threads on which it receives them. */
    private static class Listener implements GenerationListener {

        final List<String> heard = new CopyOnWriteArrayList<>();
        final List<Thread> threads = new CopyOnWriteArrayList<>();
        final CompletableFuture<Void> ended = new CompletableFuture<>();

        @Override
        public void onText(GenerationEvent.Text text) {
            hear(text.text());
        }

        @Override
        public void onCompleted(GenerationResult result) {
            hear("completed: " + result.text());
            ended.complete(null);
        }

        @Override
        public void onFailed(Mlx4jException error) {
            hear("failed: " + error.code());
            ended.complete(null);
        }

        void hear(String what) {
            heard.add(what);
            threads.add(Thread.currentThread());
        }
    }
}
