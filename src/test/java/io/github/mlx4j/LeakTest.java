package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests workers whose owner was dropped without being closed. Each owner is created in a separate method, because the
 * frame of a running method may still refer to it.
 */
@Timeout(120)
class LeakTest {

    @TempDir
    private Path folder;

    private Path python;
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<WorkerView> views = new CopyOnWriteArrayList<>();

    private record Owned<T>(T kept, WeakReference<?> owner, long pid) {}

    @BeforeEach
    void makePython() throws IOException {
        python = StubPython.withFakeWorker(folder.resolve("stub"));
    }

    @Test
    void shouldEndTheWorkerOfAFactoryThatIsDropped() {
        long pid = factoryThatIsDropped().pid();

        awaitEnd(pid);
        assertThat(views).as("a listener may keep its view of a worker").isNotEmpty();
        await().untilAsserted(() -> assertThat(events).endsWith("closed"));
    }

    private Owned<Void> factoryThatIsDropped() {
        ProviderFactory providers = factory();
        providers.createTextGenerationAdapter().generate("Hi");
        return new Owned<>(null, new WeakReference<>(providers), pidOf(providers));
    }

    @Test
    void shouldKeepTheWorkerAsLongAsAnAdapterIsKept() {
        long pid = useAdapterOfDroppedFactory();

        awaitEnd(pid);
    }

    private long useAdapterOfDroppedFactory() {
        Owned<TextGenerationPort> owned = adapterOfDroppedFactory();
        await().atMost(Duration.ofSeconds(60)).until(() -> {
            System.gc();
            return owned.owner().get() == null;
        });
        assertThat(owned.kept().generate("Hi").text()).isEqualTo("Hi");
        assertThat(ProcessHandle.of(owned.pid()))
                .hasValueSatisfying(worker -> assertThat(worker.isAlive()).isTrue());
        return owned.pid();
    }

    private Owned<TextGenerationPort> adapterOfDroppedFactory() {
        ProviderFactory providers = factory();
        TextGenerationPort llm = providers.createTextGenerationAdapter();
        llm.generate("Hi");
        return new Owned<>(llm, new WeakReference<>(providers), pidOf(providers));
    }

    @Test
    void shouldAnswerARequestWhoseFactoryAndAdapterAreDropped() {
        String text = "x".repeat(100);
        CompletableFuture<String> answer = CompletableFuture.supplyAsync(() -> factory()
                .createTextGenerationAdapter()
                .generate(GenerationRequest.raw("{\"say\":\"" + text + "\",\"stepMs\":20}"))
                .text());

        await().atMost(Duration.ofSeconds(60)).until(() -> {
            System.gc();
            return answer.isDone();
        });
        assertThat(answer.join()).isEqualTo(text);
        await().atMost(Duration.ofSeconds(60)).until(() -> {
            System.gc();
            return events.contains("closed");
        });
    }

    @Test
    void shouldEndTheWorkerOfALocalModelThatIsDropped() {
        awaitEnd(localModelThatIsDropped());
    }

    private long localModelThatIsDropped() {
        LocalModel model = new LocalModel(ModelConfig.builder(
                        "fake",
                        ProviderConfig.builder()
                                .interpreter(ProviderKind.MLX, python.toString())
                                .interpreter(ProviderKind.HF, python.toString())
                                .allowAnyPlatform(true)
                                .home(folder.resolve("home"))
                                .build())
                .build());
        model.loadOrThrow();
        return model.status().processId().orElseThrow();
    }

    @Test
    void shouldEndASerialWorkerThatIsDropped() {
        awaitEnd(serialWorkerThatIsDropped());
    }

    private static long serialWorkerThatIsDropped() {
        SerialWorker worker = SerialWorker.start(FakeWorker.launch(), WorkerLimits.STANDARD);
        Map<String, Object> params =
                Map.of("protocol", Map.of("major", 1), "model", Map.of("source", "fake"), "folder", "/new");
        worker.load(WorkerCall.of(Method.CONVERT, params, Object.class), progress -> {});
        return worker.pid();
    }

    private ProviderFactory factory() {
        return ProviderFactory.create(ProviderConfig.builder()
                .provider(ProviderKind.MLX)
                .fallback(List.of())
                .model(ProviderKind.MLX, "fake")
                .interpreter(ProviderKind.MLX, python.toString())
                .allowAnyPlatform(true)
                .home(folder.resolve("home"))
                .listener(new Mlx4jListener() {
                    @Override
                    public void onWorker(WorkerView worker, WorkerStatus.Event event) {
                        views.add(worker);
                        events.add(event.name());
                    }
                })
                .build());
    }

    private static long pidOf(ProviderFactory providers) {
        long pid = providers.workers().get(0).status().processId().orElseThrow();
        Reference.reachabilityFence(providers);
        return pid;
    }

    private static void awaitEnd(long pid) {
        await().atMost(Duration.ofSeconds(60)).until(() -> {
            System.gc();
            return ProcessHandle.of(pid).isEmpty();
        });
    }
}
