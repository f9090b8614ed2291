package io.github.mlx4j.it;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * The outcome of a program.
 *
 * @param exit its exit code
 * @param out its standard output
 * @param err its standard error
 */
record Program(int exit, String out, String err) {

    /** What a program needs to find the real mlx worker and the small model. */
    static final Map<String, String> ENVIRONMENT = Map.of(
            "TASK_ORCHESTRATOR_PROVIDER",
            "mlx",
            "MLX4J_HOME",
            Fixture.HOME.toString(),
            "MLX4J_ALLOW_ANY_PLATFORM",
            "true",
            "MLX_MODEL",
            Fixture.MODEL.toString());

    static Program run(Map<String, String> environment, List<String> command) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exit = new ProcessExecutor(command)
                .environment(environment)
                .redirectErrorStream(false)
                .redirectOutput(out)
                .redirectError(err)
                .execute()
                .getExitValue();
        return new Program(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
