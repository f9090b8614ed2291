package io.github.mlx4j.internal.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The access that a worker needs; the operating system denies everything else.
 *
 * @param mode {@code auto}, {@code require} or {@code off}
 * @param network whether it needs the network
 * @param write folders that it writes to, in addition to its private one, or {@code null} if unknown
 * @param create a folder that it will create, or {@code null}
 */
public record Sandbox(
        String mode,
        boolean network,
        @Nullable List<Path> write,
        @Nullable Path create) {

    /** No restrictions. */
    public static final Sandbox OFF = new Sandbox("off", true, null, null);

    private static final JsonMapper JSON = new JsonMapper();

    /** Returns whether a worker that can't be restricted must not start. */
    public boolean isRequired() {
        return mode.equals("require");
    }

    /** Returns the worker argument with these rules, as JSON. */
    String argument() {
        Map<String, Object> rules = new HashMap<>();
        rules.put("mode", mode);
        rules.put("network", network || mode.equals("off"));
        rules.put(
                "write",
                write == null ? null : write.stream().map(Path::toString).toList());
        rules.put("create", create == null ? null : create.toString());
        try {
            return JSON.writeValueAsString(rules);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
