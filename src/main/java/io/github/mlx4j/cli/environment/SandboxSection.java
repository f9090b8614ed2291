package io.github.mlx4j.cli.environment;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The section of {@code mlx4j doctor} about the sandbox. It starts a worker without a model, which reports its
 * restrictions.
 */
final class SandboxSection {

    private SandboxSection() {}

    /** Returns the sandbox mode, and the restrictions of the first worker that can run here, if there is one. */
    static Map<String, Object> describe(ProviderFactory providers) throws InterruptedException {
        String mode = providers.config().workers().sandbox().id();
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("mode", mode);
        for (ProviderKind kind : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            if (providers.config().probe(kind).check() instanceof Availability.Ready ready) {
                try {
                    WorkerStatus.Sandbox held = ask(kind, ready.command(), mode);
                    described.put("files", held.files());
                    described.put("network", held.network());
                    described.put("missing", held.missing());
                } catch (IOException | TimeoutException failure) {
                    described.put("error", String.valueOf(failure.getMessage()));
                } catch (ExecutionException failure) {
                    described.put("error", Mlx4jException.of(failure).getMessage());
                }
                break;
            }
        }
        return described;
    }

    private static WorkerStatus.Sandbox ask(ProviderKind kind, List<String> python, String mode)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        BundledScripts scripts = new BundledScripts(kind.id() + "_worker.py");
        WorkerLaunch launch =
                new WorkerLaunch(kind, python, scripts, false, Map.of(), new Sandbox(mode, false, List.of(), null));
        WorkerClient client = WorkerClient.start(launch);
        try {
            client.hello().get(WorkerLimits.STANDARD.hello().toSeconds(), TimeUnit.SECONDS);
            return client.sandbox().orElseThrow();
        } finally {
            client.close();
        }
    }

    static void print(Map<?, ?> sandbox, PrintWriter out) {
        out.printf("%nsandbox of workers: %s%n", sandbox.get("mode"));
        if (sandbox.get("error") != null) {
            out.printf("  error        %s%n", sandbox.get("error"));
        } else if (sandbox.get("files") != null) {
            out.printf("  files        %s%n", sandbox.get("files"));
            out.printf("  network      %s%n", sandbox.get("network"));
            List<?> missing = DoctorCommand.required(sandbox, "missing", List.class);
            missing.forEach(why -> out.printf("  missing      %s%n", why));
        }
    }
}
