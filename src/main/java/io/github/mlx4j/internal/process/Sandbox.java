package io.github.mlx4j.internal.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a worker needs; everything else is taken away from it by the system.
 *
 * @param mode {@code auto}, {@code require} or {@code off}
 * @param network whether it needs the network
 * @param write folders that it writes to, besides its private one, or {@code null} if they are not known
 * @param create a folder that it is to create, or {@code null}
 */
public record Sandbox(
        String mode,
        boolean network,
        @Nullable List<Path> write,
        @Nullable Path create) {

    /** Takes nothing away. */
    public static final Sandbox OFF = new Sandbox("off", true, null, null);

    private static final JsonMapper JSON = new JsonMapper();

    /** Whether a worker that can't be restricted must not start. */
    public boolean isRequired() {
        return mode.equals("require");
    }

    /** The argument of the worker that says so, in JSON. */
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
