package io.github.mlx4j.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.LineLog;
import io.github.mlx4j.internal.json.TrainingJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The file {@value #FILE}: one line per step and per validation, written to disk before the next step begins. Not
 * thread-safe.
 */
final class MetricsLog implements AutoCloseable {

    static final String FILE = "metrics.jsonl";

    private static final String KIND = "kind";
    private static final String STEP = "step";
    private static final String VALIDATION = "validation";

    private final LineLog file;

    private MetricsLog(LineLog file) {
        this.file = file;
    }

    /**
     * Opens the file in a folder and reads its lines up to a step into {@code history}. Lines of later steps are
     * truncated, because these steps come after the checkpoint and are repeated.
     */
    static MetricsLog open(Path folder, int step, RunHistory history) throws IOException {
        Path path = folder.resolve(FILE);
        // lines are in step order, so truncating is enough
        return new MetricsLog(LineLog.open(path, line -> read(path, line, step, history)));
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
        file.add(line.setAll(fields).toString());
    }

    /** Adds the line to the history and returns true if it belongs to this step or an earlier one. */
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
                    "Remove the line; the run then continues without its metrics.",
                    damaged);
        }
    }

    private static JsonNode without(JsonNode fields, String... names) {
        return ((ObjectNode) fields.deepCopy()).remove(Arrays.asList(names));
    }
}
