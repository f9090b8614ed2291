package io.github.mlx4j.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.json.TrainingJson;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * The file {@value #FILE}: a line for each step and each validation, on the disk before the next step begins. Not
 * thread-safe.
 */
final class MetricsLog implements AutoCloseable {

    static final String FILE = "metrics.jsonl";

    private static final String KIND = "kind";
    private static final String STEP = "step";
    private static final String VALIDATION = "validation";

    private final FileOutputStream file;

    private MetricsLog(FileOutputStream file) {
        this.file = file;
    }

    /**
     * Opens the file of a folder, reads into {@code history} what it has up to a step, and cuts off the rest: what came
     * after the checkpoint comes again.
     */
    static MetricsLog open(Path folder, int step, RunHistory history) throws IOException {
        Path path = folder.resolve(FILE);
        byte[] bytes = Files.exists(path) ? Files.readAllBytes(path) : new byte[0];
        int kept = 0;
        for (int begin = 0, end = 0; end < bytes.length; end++) {
            if (bytes[end] == '\n') {
                if (read(path, new String(bytes, begin, end - begin, StandardCharsets.UTF_8), step, history)) {
                    kept = end + 1;
                }
                begin = end + 1;
            }
        }
        // what belongs to a later step is after all that belongs to an earlier one, so this is a plain cut
        try (FileChannel cut = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            cut.truncate(kept);
        }
        return new MetricsLog(new FileOutputStream(path.toFile(), true));
    }

    void add(TrainingStep step) throws IOException {
        write(TrainingJson.LINE.valueToTree(step), STEP);
    }

    void add(RunHistory.Validated validation) throws IOException {
        ObjectNode line = TrainingJson.LINE.createObjectNode().put(STEP, validation.step());
        write(line.setAll((ObjectNode) TrainingJson.LINE.valueToTree(validation.result())), VALIDATION);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private void write(ObjectNode fields, String kind) throws IOException {
        ObjectNode line = TrainingJson.LINE.createObjectNode().put(KIND, kind);
        file.write((line.setAll(fields) + "\n").getBytes(StandardCharsets.UTF_8));
        file.getFD().sync();
    }

    /** Whether the line is of this step or an earlier one. */
    private static boolean read(Path path, String line, int step, RunHistory history) {
        try {
            JsonNode fields = TrainingJson.LINE.readTree(line);
            if (fields.path(STEP).asInt(Integer.MAX_VALUE) > step) {
                return false;
            }
            if (fields.path(KIND).asText().equals(STEP)) {
                history.add(TrainingJson.LINE.treeToValue(without(fields, KIND), TrainingStep.class));
            } else {
                history.add(new RunHistory.Validated(
                        fields.path(STEP).asInt(),
                        TrainingJson.LINE.treeToValue(without(fields, KIND, STEP), Validation.class)));
            }
            return true;
        } catch (JsonProcessingException | IllegalArgumentException damaged) {
            throw new ConfigurationException(
                    "%s has a line that can't be read: %s".formatted(path, line),
                    "Remove it; the run then goes on without its figures.",
                    damaged);
        }
    }

    private static JsonNode without(JsonNode fields, String... names) {
        return ((ObjectNode) fields.deepCopy()).remove(Arrays.asList(names));
    }
}
