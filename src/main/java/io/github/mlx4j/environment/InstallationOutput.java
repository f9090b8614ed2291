package io.github.mlx4j.environment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads what {@code verify_install.py} prints while it runs. Thread-safe. */
final class InstallationOutput {

    private static final JsonMapper JSON = new JsonMapper();

    private final Map<String, Installation.Step> steps = new LinkedHashMap<>();
    private final Map<String, String> versions = new TreeMap<>();
    private @Nullable String at;

    /** A line of it; what is no JSON object is no line of ours. */
    synchronized void accept(String line) {
        JsonNode told;
        try {
            told = JSON.readTree(line);
        } catch (JsonProcessingException other) {
            return;
        }
        told.path("steps").forEach(name -> steps.put(name.asText(), Installation.Step.notRun(name.asText())));
        if (told.has("begun")) {
            at = told.path("begun").asText();
        } else if (told.has("name")) {
            at = null;
            ended(told);
        }
    }

    private void ended(JsonNode told) {
        Map<String, String> found = new TreeMap<>();
        told.path("versions")
                .properties()
                .forEach(entry -> found.put(entry.getKey(), entry.getValue().asText()));
        versions.putAll(found);
        String detail = found.isEmpty()
                ? told.path("detail").asText()
                : found.entrySet().stream()
                        .map(entry -> entry.getKey() + " " + entry.getValue())
                        .collect(Collectors.joining(", "));
        String name = told.path("name").asText();
        double ms = told.path("ms").asDouble();
        steps.put(
                name,
                told.path("status").asText().equals("passed")
                        ? Installation.Step.passed(name, ms, detail)
                        : Installation.Step.failed(
                                name, ms, detail, told.path("fix").asText()));
    }

    /** Says that Python ended too early, and tells whether it was at a step, which failed then. */
    synchronized boolean broke(String how, String fix) {
        String name = at;
        if (name != null) {
            steps.put(name, Installation.Step.failed(name, 0, "Python " + how, fix));
        }
        return name != null;
    }

    /** Whether Python told what its steps are. */
    synchronized boolean areThere() {
        return !steps.isEmpty();
    }

    /** How long they took together. */
    synchronized double ms() {
        return steps.values().stream().mapToDouble(Installation.Step::ms).sum();
    }

    synchronized List<Installation.Step> all() {
        return List.copyOf(steps.values());
    }

    synchronized Map<String, String> versions() {
        return Map.copyOf(versions);
    }
}
