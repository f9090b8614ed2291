package io.github.mlx4j.adapter;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.ApiKey;
import io.github.mlx4j.remote.RemoteAdapter;
import io.github.mlx4j.remote.RemoteConfig;
import io.github.mlx4j.remote.RemoteProvider;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Causes the warnings that the documentation describes. Runs in a separate JVM, because logging is disabled in the
 * tests.
 */
public final class WarningsProgram {

    private WarningsProgram() {}

    public static void main(String[] args) throws InterruptedException {
        fallBack();
        sendAKeyInTheClear();
        long worker = dropAWorker();
        while (ProcessHandle.of(worker).isPresent()) {
            System.gc();
            Thread.sleep(100);
        }
    }

    private static void fallBack() {
        Map<String, AbstractTextGenerationPort> ports = new LinkedHashMap<>();
        ports.put("first", ScriptedPort.failing(() -> new EngineException("It broke.", "")));
        ports.put("second", ScriptedPort.saying("Hi"));
        new FallbackAdapter(ports).generate("Hi");
    }

    private static void sendAKeyInTheClear() {
        RemoteConfig options = new RemoteConfig(
                Map.of(ProviderKind.OPENAI, URI.create("http://mlx4j.invalid/v1")),
                Map.of(ProviderKind.OPENAI, new ApiKey("sk-secret")),
                Duration.ofSeconds(5));
        try (RemoteAdapter llm = new RemoteAdapter(new RemoteProvider(ProviderKind.OPENAI, options), "any")) {
            llm.generate("Hi");
        } catch (Mlx4jException nobodyThere) {
            // as it should
        }
    }

    private static long dropAWorker() {
        MlxSubprocessAdapter dropped = new MlxSubprocessAdapter(new WorkerSettings(
                "fake", false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), WorkerConfig.DEFAULT));
        dropped.warmUp();
        return dropped.status().processId().orElseThrow();
    }
}
