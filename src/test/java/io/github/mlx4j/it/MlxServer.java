package io.github.mlx4j.it;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs mlx_lm.server with its default settings, on a free local port. */
public final class MlxServer extends LocalServer {

    public MlxServer(Path python, String model, Path log, String... more) throws IOException, InterruptedException {
        super("mlx_lm.server", port -> command(python, model, port, more), log);
    }

    private static List<String> command(Path python, String model, int port, String... more) {
        List<String> command = new ArrayList<>(List.of(python.toString(), "-I", "-m", "mlx_lm", "server"));
        command.addAll(List.of("--model", model, "--port", Integer.toString(port), "--log-level", "ERROR"));
        command.addAll(List.of(more));
        return command;
    }
}
