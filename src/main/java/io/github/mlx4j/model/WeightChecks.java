package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.internal.model.DisplayText;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Checks the weights of a model folder: safetensors files with valid headers, and an index that refers only to files in
 * the folder.
 */
final class WeightChecks {

    private static final String AGAIN = "Download or copy the model again.";

    private final ModelFolder folder;
    private final List<String> files;
    private final List<Problem> problems = new ArrayList<>();

    private WeightChecks(ModelFolder folder, List<String> files) {
        this.folder = folder;
        this.files = files;
    }

    static List<Problem> of(ModelFolder folder, List<String> files) {
        WeightChecks checks = new WeightChecks(folder, files);
        if (files.isEmpty()) {
            checks.none();
        } else {
            checks.whole();
            checks.read(folder.names())
                    .filter(name -> name.endsWith(Weights.INDEX))
                    .forEach(checks::index);
        }
        return checks.problems;
    }

    private void none() {
        List<String> pickles =
                folder.names().stream().filter(Weights::isPickle).limit(3).toList();
        problems.add(
                pickles.isEmpty()
                        ? Problem.broken("%s has no weights (*.safetensors).".formatted(folder.path()), AGAIN)
                        : Problem.unsafe(
                                "%s has only pickled weights (%s), which can run code when read."
                                        .formatted(folder.path(), DisplayText.text(String.join(", ", pickles))),
                                "Use a copy with *.safetensors, or convert it."));
    }

    private void whole() {
        read(Weights.topLevel(folder)).forEach(file -> folder.damage(file).ifPresent(problems::add));
    }

    /**
     * Returns the names of the files that are read. If there are {@code model*.safetensors} files, the others are
     * copies for other programs.
     */
    private Stream<String> read(Collection<String> names) {
        boolean usual = Weights.topLevel(folder).stream().anyMatch(name -> name.startsWith("model"));
        return names.stream().filter(name -> !usual || name.startsWith("model"));
    }

    /**
     * Checks an index. Its paths could lead anywhere, and transformers reads files other than safetensors as pickles.
     */
    private void index(String index) {
        JsonNode weightMap;
        try {
            weightMap = folder.readJson(index).path("weight_map");
        } catch (ModelLoadException unreadable) {
            problems.add(Problem.broken(unreadable.reason(), unreadable.hint()));
            return;
        }
        if (!weightMap.isObject()) {
            problems.add(Problem.broken("%s in %s has no weight_map.".formatted(index, folder.path()), AGAIN));
            return;
        }
        for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
            String file = entry.getValue().asText();
            if (!entry.getValue().isTextual() || file.contains("/") || !file.endsWith(Weights.SUFFIX)) {
                problems.add(Problem.unsafe(
                        "%s in %s names weights that are not *.safetensors files in that folder: %s."
                                .formatted(index, folder.path(), DisplayText.text(file)),
                        "Use a complete copy of the model, with its *.safetensors files next to its config.json."));
                return;
            }
        }
    }
}
