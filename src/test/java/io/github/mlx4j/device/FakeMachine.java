package io.github.mlx4j.device;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A machine defined by texts: the content of files by path, the output of commands by path, and the paths of programs
 * by name.
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
