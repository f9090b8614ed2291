package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.TestClock;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClientMemoryException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class FallbackAdapterTest {

    private static final GenerationRequest REQUEST = GenerationRequest.raw("Once");
    private static final EngineException FAULT = new EngineException("It broke.", "Do this.");

    private final TestClock clock = new TestClock();

    static List<Mlx4jException> faultsOfTheBackend() {
        return List.of(
                new WorkerDiedException("It broke.", "", 137, ""),
                new WorkerStartException("It broke.", ""),
                new WorkerOutOfMemoryException("It broke.", ""),
                new EngineException("It broke.", ""),
                new ProtocolException("It broke.", ""),
                new DependencyMissingException("It broke.", ""),
                new ModelLoadException("It broke.", ""),
                new ProviderUnavailableException("MLX_NOT_AVAILABLE", "It broke.", ""));
    }

    static List<Mlx4jException> faultsOfTheRequest() {
        return List.of(
                new CancelledException("Not to be.", ""),
                new InvalidRequestException("Not to be.", ""),
                new ContextOverflowException("Not to be.", ""),
                new ModelNotFoundException("Not to be.", ""),
                new UnsafeModelException("Not to be.", ""),
                new ConfigurationException("Not to be.", ""),
                new WorkerBusyException("Not to be.", ""),
                new ClosedException("Not to be.", ""));
    }

    @Test
    void shouldAskNobodyElseWhenTheFirstAnswers() {
        ScriptedPort first = ScriptedPort.saying("Hel", "lo");
        ScriptedPort second = ScriptedPort.saying("never");

        assertThat(over(first, second).generate(REQUEST)).isEqualTo(ScriptedPort.result("Hello"));
        assertThat(first.call().request()).isSameAs(REQUEST);
        assertThat(second.calls()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("faultsOfTheBackend")
    void shouldMoveOnWhenTheBackendFails(Mlx4jException fault) {
        ScriptedPort second = ScriptedPort.saying("second");

        assertThat(over(ScriptedPort.failing(() -> fault), second)
                        .generate(REQUEST)
                        .text())
                .isEqualTo("second");
        assertThat(second.call().request()).isSameAs(REQUEST);
    }

    @ParameterizedTest
    @MethodSource("faultsOfTheRequest")
    void shouldNotMoveOnWhenTheRequestIsToBlame(Mlx4jException fault) {
        ScriptedPort second = ScriptedPort.saying("never");
        FallbackAdapter adapter = over(ScriptedPort.failing(() -> fault), second);

        assertThatExceptionOfType(fault.getClass())
                .isThrownBy(() -> adapter.generate(REQUEST))
                .withMessage(fault.getMessage());
        assertThat(second.calls()).isEmpty();
    }

    static List<Mlx4jException> refusals() {
        return List.of(
                new ConfigurationException("It can't have them.", ""),
                new NotSupportedException("It can't have them.", ""),
                new ModelNotFoundException("It has no such model.", ""));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void shouldGiveTheFirstErrorWhenTheNextRefuses(Mlx4jException refusal) {
        FallbackAdapter adapter = over(
                ScriptedPort.failing(() -> new EngineException("First.", "")), ScriptedPort.failing(() -> refusal));

        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> adapter.generate(REQUEST))
                .withMessage("First.")
                .satisfies(error -> assertThat(error.getSuppressed()).containsExactly(refusal));
    }

    @Test
    void shouldMoveOnFromPortToPortUntilOneAnswers() {
        FallbackAdapter adapter = over(
                ScriptedPort.failing(() -> FAULT), ScriptedPort.failing(() -> FAULT), ScriptedPort.saying("third"));

        assertThat(adapter.generate(REQUEST).text()).isEqualTo("third");
    }

    @Test
    void shouldNotMoveOnWhenTextHasReachedTheCaller() {
        ScriptedPort second = ScriptedPort.saying("never");
        ScriptedPort first = ScriptedPort.of(call -> {
            call.say("Hel");
            call.fail(FAULT);
        });
        try (GenerationStream stream = over(first, second).stream(REQUEST)) {
            Iterator<GenerationEvent> events = stream.iterator();

            assertThat(events.next()).isInstanceOf(GenerationEvent.Text.class);
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(events::next)
                    .withMessage(FAULT.getMessage());
        }
        assertThat(second.calls()).isEmpty();
    }

    @Test
    void shouldNotMoveOnWhenThinkingHasReachedTheCaller() {
        ScriptedPort second = ScriptedPort.saying("never");
        ScriptedPort first = ScriptedPort.of(call -> {
            call.think("Hm");
            call.fail(FAULT);
        });
        try (GenerationStream stream = over(first, second).stream(REQUEST)) {
            Iterator<GenerationEvent> events = stream.iterator();

            assertThat(events.next()).isEqualTo(new GenerationEvent.Thinking("Hm", List.of(2)));
            assertThatExceptionOfType(EngineException.class)
                    .isThrownBy(events::next)
                    .withMessage(FAULT.getMessage());
        }
        assertThat(second.calls()).isEmpty();
    }

    static List<Mlx4jException> faultsOfOneRequest() {
        return List.of(
                new InvalidRequestException("Its own.", ""),
                new ContextOverflowException("Its own.", ""),
                new NotSupportedException("Its own.", ""),
                new WorkerOutOfMemoryException("Its own.", ""),
                new ClientMemoryException("Its own.", ""),
                new EngineException(Fault.MODEL, "Its own.", "", null),
                new UnreadableAnswerException("Its own.", "", "[1, 1]", null),
                Mlx4jException.of(new StackOverflowError()),
                new CancelledException("Its own.", ""));
    }

    @ParameterizedTest
    @MethodSource("faultsOfOneRequest")
    void shouldKeepServingOthersHoweverManyRequestsFailByTheirOwnFault(Mlx4jException fault) {
        ScriptedPort first = ScriptedPort.of(call -> {
            if (call.request() == REQUEST) {
                call.fail(fault);
            } else {
                call.say("first");
                call.complete();
            }
        });
        FallbackAdapter adapter = over(first, ScriptedPort.failing(() -> fault));

        for (int i = 0; i < 20; i++) {
            assertThatExceptionOfType(fault.getClass()).isThrownBy(() -> adapter.generate(REQUEST));
        }

        assertThat(adapter.generate("of somebody else").text()).isEqualTo("first");
    }

    @Test
    void shouldEndTheRequestAndItsPermitWhenAPortThrows() {
        ScriptedPort broken = ScriptedPort.of(call -> {
            throw new AssertionError("thrown by the test");
        });
        FallbackAdapter adapter = over(broken, ScriptedPort.saying("second"));

        for (int i = 0; i < 20; i++) {
            assertThat(adapter.generate(REQUEST).text()).isEqualTo("second");
        }
    }

    @Test
    void shouldThrowTheFirstErrorWithTheOthersWhenAllFail() {
        Mlx4jException first = new WorkerDiedException("The first broke.", "", 137, "");
        Mlx4jException second = new ModelLoadException("The second broke.", "");
        Mlx4jException third = new InvalidRequestException("Not to be.", "");

        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> over(ScriptedPort.failing(() -> first), ScriptedPort.failing(() -> second))
                        .generate(REQUEST))
                .withMessage(first.getMessage())
                .satisfies(error -> assertThat(error.getSuppressed()).containsExactly(second));
        assertThatExceptionOfType(InvalidRequestException.class)
                .as("the last word is the caller's own fault")
                .isThrownBy(() -> over(ScriptedPort.failing(() -> first), ScriptedPort.failing(() -> third))
                        .generate(REQUEST))
                .withMessage(third.getMessage());
    }

    @Test
    void shouldNotGrowAnErrorWhenManyRequestsFailWithIt() {
        Mlx4jException same = new DependencyMissingException("The first broke.", "");
        FallbackAdapter adapter = over(
                ScriptedPort.failing(() -> same),
                ScriptedPort.failing(() -> new ModelLoadException("The second broke.", "")),
                ScriptedPort.failing(() -> same));

        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(DependencyMissingException.class)
                    .isThrownBy(() -> adapter.generate(REQUEST))
                    .withMessage(same.getMessage());
        }
        assertThat(same.getSuppressed()).singleElement().isInstanceOf(ModelLoadException.class);
    }

    @Test
    void shouldCancelWhoIsRunningWhenCancelled() {
        ScriptedPort first = ScriptedPort.silent();
        ScriptedPort second = ScriptedPort.saying("never");
        try (GenerationStream stream = over(first, second).stream(REQUEST)) {
            stream.cancel();

            assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
        }
        assertThat(first.call().cancels()).isEqualTo(1);
        assertThat(second.calls()).isEmpty();
    }

    @Test
    void shouldCancelTheNextOneWhenItHasMovedOn() {
        ScriptedPort first = ScriptedPort.silent();
        ScriptedPort second = ScriptedPort.silent();
        try (GenerationStream stream = over(first, second).stream(REQUEST)) {
            first.call().fail(FAULT);
            stream.cancel();

            assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
        }
        assertThat(first.call().cancels()).isZero();
        assertThat(second.call().cancels()).isEqualTo(1);
    }

    @Test
    void shouldCancelTheNextOneWhenCancelledWhileItStarts() {
        AtomicReference<GenerationStream> stream = new AtomicReference<>();
        ScriptedPort first = ScriptedPort.silent();
        ScriptedPort second = ScriptedPort.of(call -> stream.get().cancel()); // its Cancellation is not known yet
        stream.set(over(first, second).stream(REQUEST));

        first.call().fail(FAULT);

        assertThatExceptionOfType(CancelledException.class)
                .isThrownBy(() -> stream.get().result());
        assertThat(second.call().cancels()).isEqualTo(1);
    }

    @Test
    void shouldEndCancelledWhenItFailsAtTheSameTime() {
        ScriptedPort first = ScriptedPort.of(call -> call.failWhenCancelled(FAULT));
        ScriptedPort second = ScriptedPort.saying("never");
        try (GenerationStream stream = over(first, second).stream(REQUEST)) {
            stream.cancel();

            assertThatExceptionOfType(CancelledException.class)
                    .isThrownBy(stream::result)
                    .withCause(FAULT);
        }
        assertThat(second.calls()).isEmpty();
    }

    @Test
    void shouldLeaveAPortOutWhenItFailedThreeTimes() {
        ScriptedPort first = ScriptedPort.failing(() -> FAULT);
        FallbackAdapter adapter = over(first, ScriptedPort.saying("second"));

        for (int i = 0; i < 5; i++) {
            assertThat(adapter.generate(REQUEST).text()).isEqualTo("second");
        }

        assertThat(first.calls()).hasSize(3);
    }

    @Test
    void shouldSayThatItIsLeftOutWhenNobodyElseIsThere() {
        FallbackAdapter adapter = over(ScriptedPort.failing(() -> FAULT));
        fail(adapter, 3);

        assertThatExceptionOfType(ProviderUnavailableException.class)
                .isThrownBy(() -> adapter.generate(REQUEST))
                .withMessage("port 1 failed too often recently and is skipped for a while."
                        + " What to do: Check the log for its errors.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("CIRCUIT_OPEN"));
    }

    @Test
    void shouldTryOnceMoreWhenTheWaitIsOver() {
        ScriptedPort first = ScriptedPort.failing(() -> FAULT);
        FallbackAdapter adapter = over(first, ScriptedPort.saying("second"));
        for (int i = 0; i < 3; i++) {
            adapter.generate(REQUEST);
        }

        clock.advance(Duration.ofSeconds(29));
        adapter.generate(REQUEST);
        assertThat(first.calls()).as("the wait is not over").hasSize(3);

        clock.advance(Duration.ofSeconds(2));
        adapter.generate(REQUEST);
        assertThat(first.calls()).as("one tries it").hasSize(4);
        adapter.generate(REQUEST);
        assertThat(first.calls()).as("it failed again, so it is left out again").hasSize(4);
    }

    @Test
    void shouldTakeAPortBackWhenItAnswersAgain() {
        AtomicReference<Boolean> well = new AtomicReference<>(false);
        ScriptedPort first = ScriptedPort.of(call -> {
            if (well.get()) {
                call.say("first");
                call.complete();
            } else {
                call.fail(FAULT);
            }
        });
        FallbackAdapter adapter = over(first, ScriptedPort.saying("second"));
        for (int i = 0; i < 3; i++) {
            adapter.generate(REQUEST);
        }
        well.set(true);
        clock.advance(Duration.ofSeconds(31));

        for (int i = 0; i < 3; i++) {
            assertThat(adapter.generate(REQUEST).text()).isEqualTo("first");
        }
        well.set(false);
        for (int i = 0; i < 2; i++) {
            assertThat(adapter.generate(REQUEST).text()).isEqualTo("second");
        }
        assertThat(first.calls()).as("the failures of old are forgotten").hasSize(8);
    }

    @Test
    void shouldLetOneTryWhenTheWaitIsOverAndManyAsk() {
        ScriptedPort first = ScriptedPort.of(call -> {});
        FallbackAdapter adapter = over(first, ScriptedPort.saying("second"));
        for (int i = 0; i < 3; i++) {
            try (GenerationStream stream = adapter.stream(REQUEST)) {
                first.calls().get(i).fail(FAULT);
                assertThat(stream.result().text()).isEqualTo("second");
            }
        }
        clock.advance(Duration.ofSeconds(31));

        try (GenerationStream trying = adapter.stream(REQUEST)) {
            assertThat(adapter.generate(REQUEST).text()).as("meanwhile").isEqualTo("second");
            assertThat(first.calls()).hasSize(4);
            trying.cancel();
        }
        try (GenerationStream again = adapter.stream(REQUEST)) {
            assertThat(first.calls()).as("a cancel leaves the try to the next").hasSize(5);
            first.calls().get(4).complete();
            assertThat(again.result().text()).isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("faultsOfTheRequest")
    void shouldNotCountAgainstAPortWhenTheRequestIsToBlame(Mlx4jException fault) {
        ScriptedPort first = ScriptedPort.failing(() -> fault);
        FallbackAdapter adapter = over(first, ScriptedPort.saying("never"));

        fail(adapter, 12);

        assertThat(first.calls()).hasSize(12);
    }

    @Test
    void shouldOpenABreakerAgainWhenItsTrialTakesTooLong() {
        CircuitBreaker breaker =
                CircuitBreaker.of("slow", FallbackAdapter.breakerDefaults().build());
        FallbackAdapter.limitTrials(breaker, Duration.ofMillis(50));

        breaker.transitionToOpenState();
        breaker.transitionToHalfOpenState();

        await().untilAsserted(() -> assertThat(breaker.getState()).isEqualTo(CircuitBreaker.State.OPEN));
    }

    @Test
    void shouldKeepAPortWhenFewerThanHalfOfItsRequestsFail() {
        ScriptedPort first = ScriptedPort.of(call -> {});
        FallbackAdapter adapter = over(first, ScriptedPort.saying("second"));

        for (int i = 0; i < 9; i++) {
            try (GenerationStream stream = adapter.stream(REQUEST)) {
                if (i % 3 == 2) {
                    first.calls().get(i).fail(FAULT);
                } else {
                    first.calls().get(i).complete();
                }
                stream.result();
            }
        }

        assertThat(first.calls()).hasSize(9);
    }

    private FallbackAdapter over(ScriptedPort... ports) {
        Map<String, ScriptedPort> named = new LinkedHashMap<>();
        Arrays.stream(ports).forEach(port -> named.put("port " + (named.size() + 1), port));
        return new FallbackAdapter(named, breakers(), null);
    }

    private CircuitBreakerRegistry breakers() {
        return CircuitBreakerRegistry.of(
                FallbackAdapter.breakerDefaults().clock(clock).build());
    }

    private static void fail(FallbackAdapter adapter, int times) {
        for (int i = 0; i < times; i++) {
            assertThatExceptionOfType(Mlx4jException.class).isThrownBy(() -> adapter.generate(REQUEST));
        }
    }
}
