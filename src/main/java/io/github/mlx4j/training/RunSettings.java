package io.github.mlx4j.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.AtomicFile;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.json.TrainingJson;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.training.config.Schedule;
import io.github.mlx4j.training.config.TrainingConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The contents of {@value #FILE} in a run's folder: the run as it was started.
 *
 * @param run the run
 * @param backend the backend that was selected
 * @param data the SHA-256 of each data file, by the name of its field
 */
record RunSettings(TrainingRun run, ProviderKind backend, Map<String, String> data) {

    static final String FILE = "config.json";

    /** Fields that a resumed run may change if its learning rate doesn't depend on the length of the run. */
    private static final List<String> LENGTH = List.of("totalSteps", "epochs");

    private static final List<String> PATHS = List.of("model", "adapter", "trainData", "validData");

    /** Returns the settings in a folder, if it has a run. */
    static Optional<RunSettings> read(Path folder) {
        Path file = folder.resolve(FILE);
        try {
            return Optional.of(TrainingJson.read(Files.readString(file), RunSettings.class, file.toString()));
        } catch (NoSuchFileException none) {
            return Optional.empty();
        } catch (IOException error) {
            throw new ConfigurationException(
                    file + " can't be read: " + error.getMessage(), "Check the folder and its permissions.", error);
        }
    }

    /** Creates the settings of a run that is about to start. */
    static RunSettings of(TrainingRun run, ProviderKind backend) {
        return new RunSettings(run, backend, digests(run.training()));
    }

    /** Writes the settings atomically. */
    void write(Path folder) throws IOException {
        AtomicFile.write(folder.resolve(FILE), TrainingJson.PAGE.writeValueAsString(this) + "\n");
    }

    /**
     * Checks that a run can be resumed with new settings.
     *
     * @throws ConfigurationException if the settings describe a different training; the message names the differences
     */
    void checkResume(TrainingRun now) {
        ObjectNode before = TrainingJson.LINE.valueToTree(run.training());
        ObjectNode wanted = TrainingJson.LINE.valueToTree(now.training());
        before.put("model", run.model());
        wanted.put("model", now.model());
        wanted.put(
                "backend", now.backend() == null ? backend.id() : now.backend().id());
        before.put("backend", backend.id());
        if (now.training().schedule() == Schedule.CONSTANT && run.training().schedule() == Schedule.CONSTANT) {
            before.remove(LENGTH);
            wanted.remove(LENGTH);
        }
        for (String field : PATHS) { // two different paths may refer to the same file
            if (isSame(before.path(field), wanted.path(field))) {
                wanted.set(field, before.path(field));
            }
        }
        Stream<String> fields = Stream.concat(before.properties().stream(), wanted.properties().stream())
                .map(Map.Entry::getKey)
                .distinct()
                .filter(name -> !before.path(name).equals(wanted.path(name)))
                .map(name ->
                        "%s was %s and is now %s".formatted(name, shown(before.path(name)), shown(wanted.path(name))));
        Map<String, String> digests = digests(now.training());
        Stream<String> files = digests.entrySet().stream()
                .filter(file -> !file.getValue().equals(data.getOrDefault(file.getKey(), file.getValue())))
                .map(file -> "the content of %s has changed".formatted(file.getKey()));
        String differences = Stream.concat(fields, files).collect(Collectors.joining("; "));
        if (!differences.isEmpty()) {
            throw new ConfigurationException(
                    "The run in %s can't be resumed with different settings: %s.".formatted(now.folder(), differences),
                    "Resume it with its original settings, or start a new run in another folder.");
        }
    }

    private static boolean isSame(JsonNode before, JsonNode now) {
        return before.isTextual()
                && now.isTextual()
                && FileTree.isSame(Path.of(before.asText()), Path.of(now.asText()));
    }

    private static String shown(JsonNode value) {
        return value.isMissingNode() ? "not set" : value.toString();
    }

    private static Map<String, String> digests(TrainingConfig config) {
        Map<String, String> digests = new LinkedHashMap<>();
        if (config.trainData() != null) {
            digests.put("trainData", digest("trainData", config.trainData()));
        }
        if (config.validData() != null) {
            digests.put("validData", digest("validData", config.validData()));
        }
        return digests;
    }

    private static String digest(String field, Path file) {
        try (InputStream bytes = Files.newInputStream(file);
                DigestInputStream digesting = new DigestInputStream(bytes, MessageDigest.getInstance("SHA-256"))) {
            digesting.transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digesting.getMessageDigest().digest());
        } catch (IOException error) {
            throw new ConfigurationException(
                    "%s is %s, which can't be read (%s)."
                            .formatted(field, file, error.getClass().getSimpleName()),
                    "Set it to a JSON Lines file.",
                    error);
        } catch (NoSuchAlgorithmException impossible) {
            throw new UncheckedIOException(new IOException(impossible));
        }
    }
}
