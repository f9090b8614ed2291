package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * Tests the table in {@code docs/operations.md}: causes each fault, checks what the caller receives, and prints how
 * soon. Uses the real mlx worker if a signal can cause the fault, otherwise the fake worker. The hang timeout is one
 * second.
 */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class FaultTableIT {

    private static final WorkerConfig OPTIONS =
            WorkerConfig.builder().hang(Duration.ofSeconds(1)).build();
    private static final Duration LONG_ENOUGH = Duration.ofSeconds(10);

    private MlxSubprocessAdapter adapter = fake("fake");

    @AfterEach
    void close() {
        adapter.close();
    }

    private static MlxSubprocessAdapter fake(String model) {
        return new MlxSubprocessAdapter(new WorkerSettings(
                model, false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), OPTIONS));
    }

    private static MlxSubprocessAdapter real() {
        return real(WorkerConfig.DEFAULT);
    }

    private static MlxSubprocessAdapter real(WorkerConfig options) {
        Availability ready = new Availability.Ready(Fixture.python(ProviderKind.MLX), "3", Map.of());
        return new MlxSubprocessAdapter(new WorkerSettings(
                Fixture.MODEL.toString(),
                false,
                () -> ready,
                new BundledScripts("mlx_worker.py"),
                RestartBudget.standard(),
                options));
    }

    @ParameterizedTest
    @CsvSource({"KILL, 137", "ABRT, 134", "SEGV, 139"})
    void shouldTellTheCallerWhenTheRealWorkerIsKilledInMidAnswer(String signal, int exitCode) {
        adapter = real();
        assertEnds("SIG" + signal + " in mid-answer", "WORKER_DIED", "exit code " + exitCode, () -> signal(signal));
    }

    @Test
    void shouldTellTheCallerWhenTheRealWorkerIsStoppedInMidAnswer() {
        adapter = real(WorkerConfig.builder().hang(Duration.ofSeconds(3)).build());
        assertEnds("SIGSTOP in mid-answer", "WORKER_HUNG", "did not answer for 3 s", () -> signal("STOP"));
    }

    @Test
    void shouldNotBeDisturbedByCtrlC() throws Exception {
        adapter = real();
        adapter.warmUp();
        signal("INT");
        Fixture.Known known = Fixture.known("Why is the sky blue?");
        assertThat(adapter.generate(known.request()).text()).isEqualTo(known.text());
        assertThat(adapter.status().failures()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "the engine raises                 | 'raise':'boom'    | WORKER_DIED    | RuntimeError: boom",
                "the process exits                 | 'exit':3          | WORKER_DIED    | exit code 3",
                "the engine hangs                  | 'hang':1          | WORKER_HUNG    | made no progress for 1 s",
                "native code holds the interpreter | 'gil':60          | WORKER_HUNG    | did not answer for 1 s",
                "it closes its pipe and runs on    | 'close':1         | WORKER_DIED    | exit code 74",
                "half a line, then the end         | 'wire':'{','exit':4       | WORKER_DIED | exit code 4",
            })
    void shouldTellTheCallerWhenTheWorkerFailsInMidAnswer(String fault, String script, String code, String says) {
        GenerationRequest request = script("{'say':'" + "x".repeat(50) + "','after':5," + script + "}");
        assertEnds(fault, code, says, request, () -> {});
    }

    @Test
    void shouldPassOverALineThatIsNoMessage() {
        String text = adapter.generate(script("{'say':'fine','after':2,'wire':'noise\\n\\u2028{}\\n[1]\\n'}"))
                .text();
        assertThat(text).isEqualTo("fine");
    }

    @Test
    void shouldEndAWorkerThatWritesNothingButNoise() {
        GenerationRequest request = script("{'say':'xxxxxx','after':2,'wire':'" + "noise\\n".repeat(70) + "'}");
        assertEnds("70 lines of noise", "PROTOCOL_ERROR", "more than 64 lines", request, () -> {});
    }

    @Test
    void shouldNotBeBlockedByAFloodOnTheStandardError() {
        GenerationRequest request = script("{'say':'fine','after':2,'flood':3000000}");
        assertThat(adapter.generate(request).text()).isEqualTo("fine");
    }

    @Test
    void shouldCarryTwoMegabytesBothWaysAtOnce() {
        String text = "z".repeat(1000);
        try (GenerationStream slow = adapter.stream(script("{'say':'" + "y".repeat(900) + "','stepMs':1}"))) {
            GenerationRequest large = GenerationRequest.builder()
                    .system("s".repeat(2_000_000))
                    .user("{\"say\":\"" + text + "\",\"context\":3000000}")
                    .build();
            Mlx4jException refused = catchThrowableOfType(Mlx4jException.class, () -> adapter.generate(large));
            assertThat(refused == null ? "answered" : refused.code()).isIn("answered", "CONTEXT_OVERFLOW");
            assertThat(slow.result().text()).hasSize(900);
        }
    }

    @Test
    void shouldCloseInMidAnswer() {
        adapter = real();
        assertEnds("close() in mid-answer", "CLOSED", "was closed", adapter::close);
    }

    @Test
    void shouldCancelInMidAnswer() {
        adapter = real();
        GenerationStream[] running = new GenerationStream[1];
        assertEnds(
                "cancel in mid-answer",
                "CANCELLED",
                "cancelled",
                Fixture.known(Fixture.STORY).request(),
                () -> running[0].cancel(),
                running);
    }

    @Test
    void shouldCancelInPrefill() {
        adapter = real();
        adapter.warmUp();
        GenerationStream stream = adapter.stream(GenerationRequest.raw("Once upon a time. ".repeat(350)));
        long begun = System.nanoTime();
        stream.cancel();
        Mlx4jException error = catchThrowableOfType(Mlx4jException.class, stream::result);
        report("cancel in prefill", error, begun);
        assertThat(error.code()).isEqualTo("CANCELLED");
    }

    private interface Fault {
        void make() throws Exception;
    }

    private void assertEnds(String fault, String code, String says, Fault make) {
        assertEnds(fault, code, says, Fixture.known(Fixture.STORY).request(), make);
    }

    private void assertEnds(String fault, String code, String says, GenerationRequest request, Fault make) {
        assertEnds(fault, code, says, request, make, new GenerationStream[1]);
    }

    private void assertEnds(
            String fault, String code, String says, GenerationRequest request, Fault make, GenerationStream[] running) {
        try (GenerationStream stream = adapter.stream(request)) {
            running[0] = stream;
            Iterator<GenerationEvent> events = stream.iterator();
            events.next();
            long begun = System.nanoTime();
            make.make();
            Mlx4jException error =
                    catchThrowableOfType(Mlx4jException.class, () -> events.forEachRemaining(event -> {}));
            report(fault, error, begun);
            assertThat(error.code()).isEqualTo(code);
            assertThat(error).hasMessageContaining(says);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(LONG_ENOUGH);
        } catch (Exception unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    private static void report(String fault, Mlx4jException error, long begun) {
        System.out.printf("fault: %s | %s | %d ms%n", fault, error.code(), (System.nanoTime() - begun) / 1_000_000);
    }

    private void signal(String name) throws Exception {
        String pid = Long.toString(adapter.status().processId().orElseThrow());
        new ProcessExecutor("kill", "-" + name, pid).exitValueNormal().execute();
    }

    private static GenerationRequest script(String json) {
        return GenerationRequest.raw(json.replace('\'', '"'));
    }
}
