package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Generate;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.internal.worker.Worker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests queries to a worker. They are generation requests here, because the fake worker can fail in many ways. */
@Timeout(60)
class WorkerQueryTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final Worker worker = new Worker(
            "mlx", FakeWorker::launch, Load.Params.of("fake", false), RestartBudget.standard(), WorkerLimits.STANDARD);
    private final AtomicInteger sendings = new AtomicInteger();

    @TempDir
    private Path folder;

    @AfterEach
    void closeWorker() {
        worker.close();
    }

    @Test
    void shouldStartTheWorkerAndGiveTheAnswer() {
        assertThat(ask("Hello")).isEqualTo(5);
        assertThat(sendings).hasValue(1);
    }

    @Test
    void shouldBeSentOnceMoreWhenTheWorkerDies() {
        assertThat(ask("{\"say\":\"Hello\",\"after\":2,\"signal\":9,\"once\":\"" + folder.resolve("once") + "\"}"))
                .as("nothing of the first sending is counted")
                .isEqualTo(5);
        assertThat(sendings).hasValue(2);
    }

    @Test
    void shouldFailWhenTheWorkerDiesTwice() {
        assertThatExceptionOfType(WorkerDiedException.class)
                .isThrownBy(() -> ask("{\"signal\":9}"))
                .satisfies(error -> assertThat(error.exitCode()).isEqualTo(137));
        assertThat(sendings).hasValue(2);
    }

    @Test
    void shouldNotBeSentOnceMoreWhenItIsRefused() {
        assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(() -> ask(""));
        assertThat(sendings).hasValue(1);
    }

    @Test
    void shouldFailWhenTheAnswerIsNotWhatItShouldBe() {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> WorkerQuery.ask(worker, call("Hi").map(result -> {
                    throw new IllegalArgumentException("it is no " + result.finishReason());
                })))
                .withMessageStartingWith("The mlx worker sent an answer that can't be parsed: it is no STOP");
        assertThat(ask("Hello")).isEqualTo(5);
    }

    @Test
    void shouldCancelTheCallWhenInterrupted() throws Exception {
        worker.ready().join();
        CompletableFuture<Mlx4jException> thrown = new CompletableFuture<>();
        AtomicBoolean flag = new AtomicBoolean();
        Thread caller = asking("{\"pause\":true}", thrown, flag);
        await().atMost(SOON).until(() -> worker.status().openRequests() == 1);

        caller.interrupt();

        assertThat(thrown)
                .succeedsWithin(SOON)
                .isInstanceOf(CancelledException.class)
                .satisfies(error ->
                        assertThat(error).hasMessage("The thread that waited for the answer was interrupted."));
        caller.join();
        assertThat(flag).isTrue();
        await().atMost(SOON).until(() -> worker.status().openRequests() == 0);
    }

    @Test
    void shouldFailWhenTheWorkerIsClosed() {
        worker.ready().join();
        CompletableFuture<Mlx4jException> thrown = new CompletableFuture<>();
        asking("{\"pause\":true}", thrown, new AtomicBoolean());
        await().atMost(SOON).until(() -> worker.status().openRequests() == 1);

        worker.close();

        assertThat(thrown).succeedsWithin(SOON).isInstanceOf(ClosedException.class);
        assertThatExceptionOfType(ClosedException.class).isThrownBy(() -> ask("Hello"));
    }

    @Test
    void shouldBeRefusedWhenTheWorkerHasEnoughToDo() {
        WorkerConfig one = WorkerConfig.builder().maxRequests(1).build();
        try (MlxSubprocessAdapter adapter = new MlxSubprocessAdapter(new WorkerSettings(
                        "fake", false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), one));
                GenerationStream running = adapter.stream(GenerationRequest.raw("{\"pause\":true}"))) {
            assertThatExceptionOfType(WorkerBusyException.class)
                    .isThrownBy(() -> adapter.embed("Hi"))
                    .withMessageStartingWith("The mlx worker already has 1 requests, which is the maximum.");
            running.cancel();
            assertThatExceptionOfType(CancelledException.class).isThrownBy(running::result);

            assertThat(adapter.generate("Hi").text())
                    .as("a refusal counts no more")
                    .isEqualTo("Hi");
        }
    }

    private Thread asking(String script, CompletableFuture<Mlx4jException> thrown, AtomicBoolean flag) {
        Thread caller = new Thread(() -> {
            try {
                ask(script);
            } catch (Mlx4jException error) {
                flag.set(Thread.currentThread().isInterrupted());
                thrown.complete(error);
            }
        });
        caller.setDaemon(true);
        caller.start();
        return caller;
    }

    /** How many chunks came of a script. */
    private int ask(String script) {
        return WorkerQuery.ask(worker, call(script), () -> {
            sendings.incrementAndGet();
            return new WorkerQuery.Collector<Generate.Result, Integer>() {
                private int chunks;

                @Override
                public void notified(String method, JsonNode params) {
                    chunks += method.equals("chunk") ? 1 : 0;
                }

                @Override
                public Integer answered(Generate.Result result) {
                    return chunks;
                }
            };
        });
    }

    private static WorkerCall<Generate.Result> call(String script) {
        return Generate.call(GenerationRequest.raw(script));
    }
}
