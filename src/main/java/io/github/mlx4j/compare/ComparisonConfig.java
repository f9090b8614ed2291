package io.github.mlx4j.compare;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a comparison. Results of different settings must not be mixed.
 *
 * @param version the version of the files that a comparison writes
 * @param base the base model: a folder's absolute path, or a hub id
 * @param baseFiles a digest of the names, sizes and modification times of the base model's files; empty for a hub id
 * @param trained the trained model or the adapter: a folder's absolute path, or a hub id
 * @param trainedFiles a digest of its files, in the same form
 * @param adapter whether {@code trained} is an adapter on the base model
 * @param expert the only expert to use if the trained model is a DyLoRA-MoE; {@code null} if none is named
 * @param trainedBase the trained model's base model, if it replaces the one that the trained model names; {@code null}
 *     if it doesn't
 * @param trainedBaseFiles a digest of its files, in the same form
 * @param dtype the data type to which both models' weights are converted; {@code null} keeps the stored types
 * @param backend the engine: {@code mlx} or {@code hf}
 * @param tasks the SHA-256 of the task file
 * @param samples how many tasks are run, counted from the first one
 * @param maxTokens the maximum number of tokens of an answer, unless its task sets another limit
 * @param allowCode whether tasks with Python code are run
 */
public record ComparisonConfig(
        int version,
        String base,
        String baseFiles,
        String trained,
        String trainedFiles,
        boolean adapter,
        @Nullable String expert,
        @Nullable String trainedBase,
        String trainedBaseFiles,
        @Nullable String dtype,
        String backend,
        String tasks,
        int samples,
        int maxTokens,
        boolean allowCode) {

    private static final int VERSION = 3;

    /**
     * Creates settings with digests of the current files. The weights keep their stored types.
     *
     * @throws InvalidRequestException if a file can't be read
     */
    public static ComparisonConfig of(
            String base, String trained, boolean adapter, String backend, TaskSet tasks, int samples, int maxTokens) {
        try {
            return new ComparisonConfig(
                    VERSION,
                    absolute(base),
                    files(base),
                    absolute(trained),
                    files(trained),
                    adapter,
                    null,
                    null,
                    "",
                    null,
                    backend,
                    tasks.digest(),
                    samples,
                    maxTokens,
                    false);
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    /** Returns a builder with the values of these settings. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /**
     * Returns twelve digits that identify the settings. Different paths to the same model result in the same digest.
     */
    public String digest() {
        ComparisonConfig real = new ComparisonConfig(
                version,
                real(base),
                baseFiles,
                real(trained),
                trainedFiles,
                adapter,
                expert,
                trainedBase == null ? null : real(trainedBase),
                trainedBaseFiles,
                dtype,
                backend,
                tasks,
                samples,
                maxTokens,
                allowCode);
        return TaskSet.sha256(real.toString().getBytes(StandardCharsets.UTF_8)).substring(0, 12);
    }

    private static InvalidRequestException unreadable(IOException error) {
        return new InvalidRequestException(
                "The models or tasks to compare can't be read: " + error, "Check the folders and files.", error);
    }

    private static String absolute(String model) {
        Path folder = UserPath.of(model);
        return Files.isDirectory(folder) ? folder.toAbsolutePath().normalize().toString() : model;
    }

    private static String real(String model) {
        Path folder = UserPath.of(model);
        return Files.isDirectory(folder) ? FileTree.real(folder).toString() : model;
    }

    private static String files(String model) throws IOException {
        if (!Files.isDirectory(UserPath.of(model))) {
            return "";
        }
        Path folder = UserPath.of(model).toRealPath(); // Files.walk follows no links, not even for its start folder
        try (Stream<Path> all = Files.walk(folder)) {
            String list = all.filter(file -> Files.isRegularFile(file) && !FileTree.isCompanion(file))
                    .sorted()
                    .map(file -> folder.relativize(file) + " " + file.toFile().length() + " "
                            + file.toFile().lastModified() + "\n")
                    .collect(Collectors.joining());
            return TaskSet.sha256(list.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
        }
    }

    /** Builds a copy of the settings with other optional values. Not thread-safe. */
    public static final class Builder {
        private final ComparisonConfig from;
        private @Nullable String expert;
        private @Nullable String trainedBase;
        private String trainedBaseFiles;
        private @Nullable String dtype;
        private boolean allowCode;

        private Builder(ComparisonConfig from) {
            this.from = from;
            expert = from.expert;
            trainedBase = from.trainedBase;
            trainedBaseFiles = from.trainedBaseFiles;
            dtype = from.dtype;
            allowCode = from.allowCode;
        }

        /** Sets the expert of the trained model; {@code null} for none. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /**
         * Sets the base model of the trained one: a folder, or a hub id; {@code null} for the one that the trained
         * model names.
         *
         * @throws InvalidRequestException if a file can't be read
         */
        public Builder trainedBase(@Nullable String trainedBase) {
            try {
                this.trainedBase = trainedBase == null ? null : absolute(trainedBase);
                trainedBaseFiles = trainedBase == null ? "" : files(trainedBase);
                return this;
            } catch (IOException unreadable) {
                throw unreadable(unreadable);
            }
        }

        /** Sets the data type to convert the weights to: {@code bfloat16}, {@code float16} or {@code float32}. */
        public Builder dtype(@Nullable String dtype) {
            this.dtype = dtype;
            return this;
        }

        /** Sets whether tasks with Python code are run. */
        public Builder allowCode(boolean allowCode) {
            this.allowCode = allowCode;
            return this;
        }

        /** Builds the settings. */
        public ComparisonConfig build() {
            return new ComparisonConfig(
                    from.version,
                    from.base,
                    from.baseFiles,
                    from.trained,
                    from.trainedFiles,
                    from.adapter,
                    expert,
                    trainedBase,
                    trainedBaseFiles,
                    dtype,
                    from.backend,
                    from.tasks,
                    from.samples,
                    from.maxTokens,
                    allowCode);
        }
    }
}
