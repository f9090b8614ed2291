package io.github.mlx4j.evaluation;

import io.github.mlx4j.error.InvalidRequestException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a comparison goes by. Results of other settings don't belong together.
 *
 * @param version of the files that a comparison writes
 * @param base the base model: a folder's absolute path, or a hub id
 * @param baseFiles a digest of the names, sizes and times of its files; empty for a hub id
 * @param trained the trained model or the adapter, likewise
 * @param trainedFiles a digest of its files, likewise
 * @param adapter whether {@code trained} is an adapter on the base model
 * @param backend the engine: {@code mlx} or {@code hf}
 * @param tasks the SHA-256 of the file of tasks
 * @param samples how many of its tasks are run, from the first on
 * @param maxTokens the most tokens of an answer whose task says nothing else
 */
public record ComparisonSettings(
        int version,
        String base,
        String baseFiles,
        String trained,
        String trainedFiles,
        boolean adapter,
        String backend,
        String tasks,
        int samples,
        int maxTokens) {

    private static final int VERSION = 1;

    /**
     * Settings with the digests of what is there now.
     *
     * @throws InvalidRequestException if a file can't be read
     */
    public static ComparisonSettings of(
            String base, String trained, boolean adapter, String backend, Path tasks, int samples, int maxTokens) {
        try {
            return new ComparisonSettings(
                    VERSION,
                    absolute(base),
                    files(base),
                    absolute(trained),
                    files(trained),
                    adapter,
                    backend,
                    sha256(Files.readAllBytes(tasks)),
                    samples,
                    maxTokens);
        } catch (IOException unreadable) {
            throw new InvalidRequestException(
                    "What is to be compared can't be read: " + unreadable, "Check the folders and files.", unreadable);
        }
    }

    /** Twelve digits that are others for other settings. */
    public String digest() {
        return sha256(toString().getBytes(StandardCharsets.UTF_8)).substring(0, 12);
    }

    private static String absolute(String model) {
        Path folder = Path.of(model);
        return Files.isDirectory(folder) ? folder.toAbsolutePath().normalize().toString() : model;
    }

    private static String files(String model) throws IOException {
        Path folder = Path.of(model);
        if (!Files.isDirectory(folder)) {
            return "";
        }
        try (Stream<Path> all = Files.walk(folder)) {
            String list = all.filter(Files::isRegularFile)
                    .sorted()
                    .map(file -> folder.relativize(file) + " " + file.toFile().length() + " "
                            + file.toFile().lastModified() + "\n")
                    .collect(Collectors.joining());
            return sha256(list.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
