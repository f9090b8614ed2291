package io.github.mlx4j;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Commands that run a program with the tests' Java. */
public final class JavaCommand {

    /** The optimizing compiler and G1's threads cost a short program more CPU time than they save. */
    public static final List<String> OPTIONS = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    private JavaCommand() {}

    /** A new list of {@code java}, options that make it start quickly, and the arguments. */
    public static List<String> of(String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(OPTIONS);
        command.addAll(List.of(arguments));
        return command;
    }
}
