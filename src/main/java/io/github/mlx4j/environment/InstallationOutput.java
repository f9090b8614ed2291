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

/** Parses the output of {@code verify_install.py} while it runs. Thread-safe. */
final class InstallationOutput {

    private static final JsonMapper JSON = new JsonMapper();

    private final Map<String, Installation.Step> steps = new LinkedHashMap<>();
    private final Map<String, String> versions = new TreeMap<>();
    private @Nullable String at;

    /** Parses a line. Lines that are not JSON objects come from other code and are ignored. */
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

    /**
     * Handles an early exit of Python. If a step was running, it is marked as failed. Returns whether this was the
     * case.
     */
    synchronized boolean broke(String how, String fix) {
        String name = at;
        if (name != null) {
            steps.put(name, Installation.Step.failed(name, 0, "Python " + how, fix));
        }
        return name != null;
    }

    /** Returns whether Python has listed its steps. */
    synchronized boolean areThere() {
        return !steps.isEmpty();
    }

    /** Returns the total duration of the steps in milliseconds. */
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
