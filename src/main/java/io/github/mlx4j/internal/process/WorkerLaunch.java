package io.github.mlx4j.internal.process;

import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * What to start.
 *
 * @param kind the kind of worker, for names and messages
 * @param python the command that starts Python: the interpreter's absolute path, after what launches it, if anything
 *     does
 * @param scripts where the entry script comes from
 * @param network whether it uses the network, so that it gets the settings of proxies and certificates
 * @param environment variables beside those that every worker inherits; never secrets
 * @param sandbox what it needs, so that everything else can be taken away
 */
public record WorkerLaunch(
        ProviderKind kind,
        List<String> python,
        WorkerScripts scripts,
        boolean network,
        Map<String, String> environment,
        Sandbox sandbox) {

    /** A worker without the network or a sandbox, whose interpreter is started directly. */
    public WorkerLaunch(ProviderKind kind, Path interpreter, WorkerScripts scripts, Map<String, String> environment) {
        this(kind, List.of(interpreter.toString()), scripts, false, environment);
    }

    /** A worker without a sandbox. */
    public WorkerLaunch(
            ProviderKind kind,
            List<String> python,
            WorkerScripts scripts,
            boolean network,
            Map<String, String> environment) {
        this(kind, python, scripts, network, environment, Sandbox.OFF);
    }

    /**
     * A worker that loads models.
     *
     * @param network whether it may ask the Hugging Face hub
     * @param tf32 whether MLX may round float32 to TF32, or {@code null} for MLX's default. MLX reads the variable
     *     once, so it has to be set before the worker imports it; ranks on this machine inherit it
     */
    public static WorkerLaunch of(
            ProviderKind kind,
            List<String> python,
            WorkerScripts scripts,
            boolean network,
            @Nullable Boolean tf32,
            Sandbox sandbox) {
        Map<String, String> environment = new HashMap<>();
        if (!network) {
            environment.put("HF_HUB_OFFLINE", "1");
        }
        if (tf32 != null) {
            environment.put("MLX_ENABLE_TF32", tf32 ? "1" : "0");
        }
        return new WorkerLaunch(kind, python, scripts, network, environment, sandbox);
    }

    /** A process of the same kind that downloads and never loads a model, so it has the network and no sandbox. */
    public WorkerLaunch forDownload() {
        return new WorkerLaunch(kind, python, scripts, true, Map.of(), Sandbox.OFF);
    }

    /** The interpreter's absolute path. */
    Path interpreter() {
        return Path.of(python.get(python.size() - 1));
    }

    /** All variables of its process, as zt-exec takes them. */
    Map<String, String> variables(Map<String, String> ours, Properties system) {
        return network
                ? WorkerEnvironment.ofNetwork(ours, system, environment)
                : WorkerEnvironment.from(ours, environment);
    }
}
