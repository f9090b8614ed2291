package io.github.mlx4j.compare;

import io.github.mlx4j.error.InvalidRequestException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/**
 * The tasks of a comparison.
 *
 * @param digest the SHA-256 of the file
 * @param tasks the tasks, at least one
 */
public record TaskSet(String digest, List<EvaluationTask> tasks) {

    private static final String BUILT_IN = "tasks.jsonl";

    /** Copies the list of tasks. */
    public TaskSet {
        tasks = List.copyOf(tasks);
    }

    /** Returns the built-in tasks: arithmetic word problems, and short Python functions with tests. */
    public static TaskSet builtIn() {
        try (InputStream stream = Objects.requireNonNull(TaskSet.class.getResourceAsStream(BUILT_IN), BUILT_IN)) {
            byte[] bytes = stream.readAllBytes();
            return new TaskSet(
                    sha256(bytes), EvaluationTask.of(JsonLine.of(BUILT_IN, new String(bytes, StandardCharsets.UTF_8))));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /**
     * Reads the tasks of a file in the format of {@link EvaluationTask#read}.
     *
     * @throws InvalidRequestException if the file can't be read or is empty, or if a line is invalid; the message then
     *     has its number
     */
    public static TaskSet read(Path file) {
        List<EvaluationTask> tasks = EvaluationTask.read(file);
        try {
            return new TaskSet(sha256(Files.readAllBytes(file)), tasks);
        } catch (IOException unreadable) {
            throw new InvalidRequestException(
                    file + " can't be read: " + unreadable, "Give the path of an existing file.", unreadable);
        }
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
