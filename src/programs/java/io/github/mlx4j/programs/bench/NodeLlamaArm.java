package io.github.mlx4j.programs.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * node-llama-cpp, which runs llama.cpp in a Node.js process, {@code python/bench/node_llama.mjs}. As with
 * {@link JavaLlamaArm}, only its overhead and its scaling with callers can be compared.
 */
final class NodeLlamaArm implements Arm {

    static final String NAME = "node-llama-cpp";
    private static final Path SCRIPT = Path.of("python", "bench", "node_llama.mjs");

    private final InProcessArm process;

    NodeLlamaArm(Path folder, Path gguf, Path log) throws IOException {
        List<String> command = List.of("node", SCRIPT.toString(), folder.toString(), gguf.toString());
        process = new InProcessArm(NAME, true, new ProcessBuilder(command), log);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean serves(int callers, Sampling sampling) {
        return sampling.isGreedy() && callers <= JavaLlamaArm.SLOTS;
    }

    @Override
    public boolean sameModel() {
        return false;
    }

    @Override
    public Round ask(List<Request> requests) {
        return process.ask(requests);
    }

    @Override
    public void close() {
        process.close();
    }
}
