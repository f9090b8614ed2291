package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Checks that a model's config.json can be read and does not refer to code. */
final class ConfigChecks {

    private static final Pattern IMPLEMENTATION = Pattern.compile("_*(?:attn|experts)_implementation(?:_internal)?_*");

    private ConfigChecks() {}

    /** Returns the problems of the config.json. */
    static List<Problem> of(ModelFolder folder) {
        if (!folder.names().contains("config.json")) {
            return List.of(Problem.broken(
                    "%s has no config.json, so it is not a model folder.".formatted(folder.path()),
                    "Download or copy the model again."));
        }
        JsonNode config;
        try {
            config = folder.readJson("config.json");
        } catch (ModelLoadException unreadable) {
            return List.of(Problem.broken(unreadable.reason(), unreadable.hint()));
        }
        if (!config.path("model_type").isTextual()) {
            return List.of(Problem.broken(
                    "config.json in %s names no model_type.".formatted(folder.path()),
                    "Download or copy the model again."));
        }
        List<Problem> problems = new ArrayList<>();
        if (ConfigJson.isSet(config, "model_file")) {
            problems.add(Problem.unsafe(
                    "%s requires its own code: config.json has model_file %s."
                            .formatted(
                                    folder.path(),
                                    DisplayText.text(config.path("model_file").asText())),
                    "Use a model whose architecture the engine has."));
        }
        kernel(config)
                .ifPresent(name -> problems.add(Problem.unsafe(
                        "config.json in %s requires code from the hub: %s.".formatted(folder.path(), name),
                        "Remove it from config.json.")));
        JsonNode weights = config.path("transformers_weights");
        String file = weights.asText();
        if (!weights.isMissingNode()
                && (file.contains("/") || !(file.endsWith(Weights.SUFFIX) || file.endsWith(Weights.INDEX)))) {
            problems.add(Problem.unsafe(
                    "config.json in %s names weights that are not *.safetensors files in that folder: %s."
                            .formatted(folder.path(), DisplayText.text(file)),
                    "Use a complete copy of the model, with its *.safetensors files next to its config.json."));
        }
        return problems;
    }

    /** Finds a field, at any depth, that names a kernel on the hub. transformers would download and run it. */
    private static Optional<String> kernel(JsonNode config) {
        Deque<JsonNode> parts = new ArrayDeque<>(List.of(config));
        while (!parts.isEmpty()) {
            JsonNode part = parts.pop();
            for (Map.Entry<String, JsonNode> field : part.properties()) {
                JsonNode value = field.getValue();
                if (IMPLEMENTATION.matcher(field.getKey()).matches()) {
                    Optional<String> named = Stream.concat(Stream.of(value), value.valueStream())
                            .map(JsonNode::asText)
                            .filter(one -> one.contains("/"))
                            .findFirst();
                    if (named.isPresent()) {
                        return named.map(one -> DisplayText.text(field.getKey()) + " is " + DisplayText.text(one));
                    }
                }
            }
            part.valueStream().filter(JsonNode::isContainerNode).forEach(parts::push);
        }
        return Optional.empty();
    }
}
