package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The user's token of the hub. It goes to a worker in a message only, and into no log.
 *
 * @param value the token
 */
public record HubToken(@JsonValue String value) {

    /** Lets Jackson read it from a plain string. */
    @JsonCreator
    public HubToken {}

    /** The one in {@code HF_TOKEN}, or {@code null}; the one of {@code hf auth login} a worker finds by itself. */
    public static @Nullable HubToken in(Map<String, String> environment) {
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        return token.isEmpty() ? null : new HubToken(token);
    }

    @Override
    public String toString() {
        return "HubToken[***]";
    }
}
