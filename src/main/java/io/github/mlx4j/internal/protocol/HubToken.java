package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The user's token for the hub. It is sent to workers in messages only, and never logged.
 *
 * @param value the token
 */
public record HubToken(@JsonValue String value) {

    /** Creates a token; Jackson reads it from a plain string. */
    @JsonCreator
    public HubToken {}

    /**
     * Returns the token in {@code HF_TOKEN}, or {@code null}. Workers find the token of {@code hf auth login}
     * themselves.
     */
    public static @Nullable HubToken in(Map<String, String> environment) {
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        return token.isEmpty() ? null : new HubToken(token);
    }

    @Override
    public String toString() {
        return "HubToken[***]";
    }
}
