package io.github.mlx4j.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.AtomicFile;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.FolderLock;
import io.github.mlx4j.internal.files.LineLog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The results of a comparison as they arrive: one line per result in {@value #RESULTS}, written to disk before the next
 * task begins. {@value #RUN} contains the settings. Only one process at a time can use the folder.
 */
final class ResultLog implements AutoCloseable {

    static final String RUN = "run.json";
    static final String RESULTS = "results.jsonl";

    private static final JsonMapper JSON = new JsonMapper();
    private static final JsonMapper PRETTY =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private static final Set<String> MODELS = Set.of("base", "trained", "trainedBase"); // fields of the settings

    private record Key(Variant arm, String task) {}

    private final FolderLock lock;
    private final LineLog file;
    private final Map<Key, TaskResult> results;

    private ResultLog(FolderLock lock, LineLog file, Map<Key, TaskResult> results) {
        this.lock = lock;
        this.file = file;
        this.results = results;
    }

    /**
     * Opens a folder, creates it if necessary, and reads its results. An incomplete last line is dropped.
     *
     * @throws ConfigurationException if the folder has results of other settings, or another process is using it
     */
    static ResultLog open(Path folder, ComparisonConfig settings) {
        try {
            checkUsable(folder);
            Files.createDirectories(folder);
            FolderLock lock = FolderLock.take(folder);
            try {
                return open(folder, settings, lock);
            } catch (IOException | RuntimeException failure) {
                lock.close();
                throw failure;
            }
        } catch (IOException error) {
            throw new ConfigurationException(
                    "The folder %s can't be used: %s".formatted(folder, error),
                    "Set --out to a folder that you can write to.");
        }
    }

    /** Rejects a folder that contains anything else, before writing into it. */
    private static void checkUsable(Path folder) throws IOException {
        if (!Files.exists(folder) || Stream.of(RUN, RESULTS).anyMatch(name -> Files.exists(folder.resolve(name)))) {
            return;
        }
        if (!Files.isDirectory(folder)
                || FileTree.list(folder).stream().anyMatch(file -> !file.endsWith(FolderLock.FILE))) {
            throw new ConfigurationException(
                    folder + " is not empty and does not belong to a comparison.", "Choose another folder with --out.");
        }
    }

    /** Returns whether there is a result of a task. */
    boolean has(Variant arm, EvaluationTask task) {
        return results.containsKey(new Key(arm, task.id()));
    }

    /** Returns the result of a task, which must exist. */
    TaskResult of(Variant arm, EvaluationTask task) {
        TaskResult result = results.get(new Key(arm, task.id()));
        if (result == null) {
            throw new IllegalStateException(
                    "There is no result of " + arm.id() + " for the task " + task.id() + " yet");
        }
        return result;
    }

    /** Writes a result, and returns when it is on disk. */
    void add(TaskResult result) {
        try {
            file.add(JSON.writeValueAsString(result));
        } catch (IOException error) {
            throw new UncheckedIOException("A result can't be written", error);
        }
        results.put(new Key(result.arm(), result.task()), result);
    }

    @Override
    public void close() {
        try (lock) {
            file.close();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static ResultLog open(Path folder, ComparisonConfig settings, FolderLock lock) throws IOException {
        Path file = folder.resolve(RESULTS);
        settle(folder, settings, Files.exists(file) && Files.size(file) > 0);
        Map<Key, TaskResult> results = new LinkedHashMap<>();
        int[] number = {0};
        LineLog log = LineLog.open(file, line -> {
            TaskResult result = read(file, ++number[0], line);
            results.put(new Key(result.arm(), result.task()), result);
            return true;
        });
        return new ResultLog(lock, log, results);
    }

    private static TaskResult read(Path file, int number, String line) {
        try {
            return JSON.readValue(line, TaskResult.class);
        } catch (JsonProcessingException damaged) {
            throw new ConfigurationException(
                    "%s is damaged in line %d: %s".formatted(file, number, damaged.getOriginalMessage()),
                    "Remove the line; its task is then run again.",
                    damaged);
        }
    }

    /** Checks that the folder belongs to these settings, or writes them if it has none. */
    private static void settle(Path folder, ComparisonConfig settings, boolean hasResults) throws IOException {
        Path run = folder.resolve(RUN);
        JsonNode wanted = JSON.valueToTree(settings);
        if (!Files.exists(run)) {
            if (hasResults) {
                throw new ConfigurationException(
                        folder + " has " + RESULTS + ", but no " + RUN + " that says which run they belong to.",
                        "Choose another folder with --out.");
            }
            AtomicFile.write(run, PRETTY.writeValueAsString(settings) + "\n");
            return;
        }
        JsonNode there = tree(run);
        String differences = wanted.properties().stream()
                .filter(field -> !isSame(field.getKey(), field.getValue(), there.path(field.getKey())))
                .map(field -> "%s was %s and is now %s"
                        .formatted(field.getKey(), there.path(field.getKey()), field.getValue()))
                .collect(Collectors.joining("; "));
        if (!differences.isEmpty()) {
            throw new ConfigurationException(
                    "%s contains the results of a different run: %s.".formatted(folder, differences),
                    "Choose another folder with --out, or remove this one.");
        }
    }

    /** Compares two values of a setting; a model's folder may have been given by a different path. */
    private static boolean isSame(String field, JsonNode now, JsonNode then) {
        return now.equals(then)
                || (MODELS.contains(field)
                        && now.isTextual()
                        && then.isTextual()
                        && FileTree.isSame(Path.of(now.asText()), Path.of(then.asText())));
    }

    private static JsonNode tree(Path run) throws IOException {
        try {
            return JSON.readTree(run.toFile());
        } catch (JsonProcessingException damaged) {
            throw new ConfigurationException(
                    run + " is damaged: " + damaged.getOriginalMessage(), "Choose another folder with --out.", damaged);
        }
    }
}
