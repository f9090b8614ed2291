package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.LocalServer;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Engines of other projects that are measured if they are installed. Each method throws an exception that says what to
 * install otherwise.
 */
final class Peers {

    static final String TRANSFORMERS = "MLX4J_BENCH_TRANSFORMERS";
    static final String GGUF = "MLX4J_BENCH_GGUF";
    static final String NODE = "MLX4J_BENCH_NODE";
    static final String SERVE_NAME = Baseline.of(ProviderKind.HF).server();

    private final Map<String, String> environment;

    Peers(Map<String, String> environment) {
        this.environment = environment;
    }

    Arm transformersServe(String model, Path log) throws IOException, InterruptedException {
        Path python = file(TRANSFORMERS, "a Python with transformers[serving] (fastapi, uvicorn, openai)");
        return new ServerArm(
                SERVE_NAME, false, new LocalServer("transformers serve", port -> serve(python, model, port), log));
    }

    Arm javaLlama() throws Exception {
        Class<?> model = Reflection.find(JavaLlamaArm.MODEL);
        return new JavaLlamaArm(model, gguf());
    }

    Arm nodeLlama(Path log) throws IOException {
        Path folder = file(NODE, "a folder in which 'npm install --ignore-scripts node-llama-cpp' was run");
        return new NodeLlamaArm(folder, gguf(), log);
    }

    private Path gguf() throws IOException {
        return file(GGUF, "the model in GGUF format; python/bench/gguf_fixture.py writes the small model's");
    }

    private static List<String> serve(Path python, String model, int port) {
        return List.of(
                python.toString(),
                "-I",
                "-m",
                "transformers.cli.transformers",
                "serve",
                model,
                "--continuous-batching",
                "--host",
                "127.0.0.1",
                "--port",
                Integer.toString(port));
    }

    /** Returns the existing file or folder that a variable names. */
    private Path file(String variable, String what) throws IOException {
        String value = environment.getOrDefault(variable, "");
        if (value.isEmpty()) {
            throw new IOException("not installed: set %s to %s".formatted(variable, what));
        }
        Path path = Path.of(value).toAbsolutePath();
        if (!Files.exists(path)) {
            throw new IOException(
                    "%s is set to %s, which does not exist; set it to %s".formatted(variable, path, what));
        }
        return path;
    }
}
