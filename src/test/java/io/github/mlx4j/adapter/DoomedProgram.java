package io.github.mlx4j.adapter;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Starts a worker, makes it idle, busy, or hold the interpreter, prints its process ID, and waits to be killed.
 * Arguments: fake, idle|busy|gil; or a provider, idle|busy, a model folder and a home folder.
 */
public final class DoomedProgram {

    private DoomedProgram() {}

    /** Runs until it is killed. */
    public static void main(String[] args) throws InterruptedException {
        TextGenerationPort llm;
        if (args[0].equals("fake")) {
            llm = new MlxSubprocessAdapter(new WorkerSettings(
                    "fake",
                    false,
                    FakeWorker::ready,
                    FakeWorker.SCRIPTS,
                    RestartBudget.standard(),
                    WorkerConfig.DEFAULT));
            ((MlxSubprocessAdapter) llm).warmUp();
        } else {
            ProviderKind kind = ProviderKind.valueOf(args[0].toUpperCase(Locale.ROOT));
            ProviderFactory providers = ProviderFactory.create(ProviderConfig.builder()
                    .provider(kind)
                    .fallback(List.of())
                    .model(kind, args[2])
                    .home(Path.of(args[3]))
                    .allowAnyPlatform(true)
                    .build());
            llm = providers.createTextGenerationAdapter();
            providers.warmUp();
        }
        long pid = ProcessHandle.current().children().findFirst().orElseThrow().pid();
        switch (args[1]) {
            case "busy" -> {
                String busy = args[0].equals("fake")
                        ? "{\"say\":\"" + "x".repeat(4000) + "\",\"stepMs\":20}"
                        : "Tell me a long story";
                GenerationRequest request =
                        args[0].equals("fake") ? GenerationRequest.raw(busy) : GenerationRequest.chat(busy);
                GenerationStream stream = llm.stream(request);
                for (GenerationEvent event : stream) {
                    if (event instanceof GenerationEvent.Text) {
                        break; // it is in the middle of its answer
                    }
                }
                say(pid);
                Thread.sleep(Long.MAX_VALUE);
                stream.close();
            }
            case "gil" -> {
                GenerationStream stream = llm.stream(GenerationRequest.raw("{\"say\":\"ab\",\"after\":1,\"gil\":60}"));
                stream.iterator().next();
                say(pid);
                Thread.sleep(Long.MAX_VALUE);
                stream.close();
            }
            default -> {
                say(pid);
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }

    private static void say(long pid) {
        System.out.println(pid);
        System.out.flush();
    }
}
