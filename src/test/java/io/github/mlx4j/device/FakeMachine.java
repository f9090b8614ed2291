package io.github.mlx4j.device;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A machine of given texts: files by their path, what commands print by the command's path, and where programs are by
 * their name.
 */
final class FakeMachine implements Machine {

    private final String os;
    private final String architecture;
    private final Map<String, String> texts = new HashMap<>();

    FakeMachine(String os, String architecture) {
        this.os = os;
        this.architecture = architecture;
    }

    FakeMachine with(String fileOrCommand, String text) {
        texts.put(fileOrCommand, text);
        return this;
    }

    @Override
    public String os() {
        return os;
    }

    @Override
    public String architecture() {
        return architecture;
    }

    @Override
    public int cores() {
        return 2;
    }

    @Override
    public Optional<String> read(String file) {
        return Optional.ofNullable(texts.get(file));
    }

    @Override
    public Optional<String> run(Duration patience, String... command) {
        return Optional.ofNullable(texts.get(command[0]));
    }

    @Override
    public Optional<Path> find(String program) {
        return Optional.ofNullable(texts.get(program)).map(Path::of);
    }
}
