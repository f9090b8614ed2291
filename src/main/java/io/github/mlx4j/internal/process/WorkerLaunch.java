package io.github.mlx4j.internal.process;

import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Describes how to start a worker.
 *
 * @param kind the kind of worker, for names and messages
 * @param python the command that starts Python: the interpreter's absolute path, preceded by its launcher, if any
 * @param scripts where the entry script comes from
 * @param network whether the worker uses the network and therefore needs proxy and certificate settings
 * @param environment variables in addition to those that every worker inherits; never secrets
 * @param sandbox the access that the worker needs
 */
public record WorkerLaunch(
        ProviderKind kind,
        List<String> python,
        WorkerScripts scripts,
        boolean network,
        Map<String, String> environment,
        Sandbox sandbox) {

    /**
     * Creates the launch of a worker without network access or sandbox, with an interpreter that is started directly.
     */
    public WorkerLaunch(ProviderKind kind, Path interpreter, WorkerScripts scripts, Map<String, String> environment) {
        this(kind, List.of(interpreter.toString()), scripts, false, environment);
    }

    /** Creates the launch of a worker without a sandbox. */
    public WorkerLaunch(
            ProviderKind kind,
            List<String> python,
            WorkerScripts scripts,
            boolean network,
            Map<String, String> environment) {
        this(kind, python, scripts, network, environment, Sandbox.OFF);
    }

    /**
     * Returns the launch of a worker that loads models.
     *
     * @param network whether it may access the Hugging Face hub
     * @param tf32 whether MLX may round float32 to TF32, or {@code null} for MLX's default. MLX reads the variable
     *     once, so it must be set before the worker imports MLX; ranks on this machine inherit it
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

    /**
     * Returns the launch of a process of the same kind that downloads and never loads a model. It has network access
     * and no sandbox.
     */
    public WorkerLaunch forDownload() {
        return new WorkerLaunch(kind, python, scripts, true, Map.of(), Sandbox.OFF);
    }

    /** Returns the interpreter's absolute path. */
    Path interpreter() {
        return Path.of(python.get(python.size() - 1));
    }

    /** Returns all variables of the process, for zt-exec. */
    Map<String, String> variables(Map<String, String> ours, Properties system) {
        return network
                ? WorkerEnvironment.ofNetwork(ours, system, environment)
                : WorkerEnvironment.from(ours, environment);
    }
}
