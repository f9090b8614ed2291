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
 * @param tasks one at least
 */
public record TaskSet(String digest, List<EvaluationTask> tasks) {

    private static final String BUILT_IN = "tasks.jsonl";

    /** Takes an immutable copy. */
    public TaskSet {
        tasks = List.copyOf(tasks);
    }

    /** The tasks that come with mlx4j: arithmetic word problems, and short Python functions with tests. */
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
     * The tasks of a file, as {@link EvaluationTask#read} reads them.
     *
     * @throws InvalidRequestException if it can't be read or is empty, or for a bad line, with its number
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
