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
 * What a comparison goes by. Results of other settings don't belong together.
 *
 * @param version of the files that a comparison writes
 * @param base the base model: a folder's absolute path, or a hub id
 * @param baseFiles a digest of the names, sizes and times of its files; empty for a hub id
 * @param trained the trained model or the adapter, likewise
 * @param trainedFiles a digest of its files, likewise
 * @param adapter whether {@code trained} is an adapter on the base model
 * @param expert the one expert that answers, where the trained model is a DyLoRA-MoE; {@code null} if none is named
 * @param trainedBase the base model of the trained one in place of the one that it names, likewise; {@code null} if
 *     none is named
 * @param trainedBaseFiles a digest of its files, likewise
 * @param dtype what the weights of both are turned into; {@code null} if they are as they are stored
 * @param backend the engine: {@code mlx} or {@code hf}
 * @param tasks the SHA-256 of the file of tasks
 * @param samples how many of its tasks are run, from the first on
 * @param maxTokens the most tokens of an answer whose task says nothing else
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
     * Settings with the digests of what is there now. The models are as they are stored.
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

    /** A builder with these values. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Twelve digits that are others for other settings, and the same for each path to the same model. */
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
        Path folder = UserPath.of(model).toRealPath(); // a walk does not follow a link, the first one included
        try (Stream<Path> all = Files.walk(folder)) {
            String list = all.filter(file -> Files.isRegularFile(file) && !FileTree.isCompanion(file))
                    .sorted()
                    .map(file -> folder.relativize(file) + " " + file.toFile().length() + " "
                            + file.toFile().lastModified() + "\n")
                    .collect(Collectors.joining());
            return TaskSet.sha256(list.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
        }
    }

    /** Changes what is optional. Not thread-safe. */
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

        /** The expert of the trained model; {@code null} for none. */
        public Builder expert(@Nullable String expert) {
            this.expert = expert;
            return this;
        }

        /**
         * The base model of the trained one: a folder, or a hub id; {@code null} for the one that it names.
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

        /** The type to convert the weights to: {@code bfloat16}, {@code float16} or {@code float32}. */
        public Builder dtype(@Nullable String dtype) {
            this.dtype = dtype;
            return this;
        }

        /** Whether tasks with Python code are run. */
        public Builder allowCode(boolean allowCode) {
            this.allowCode = allowCode;
            return this;
        }

        /** Builds the configuration. */
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
