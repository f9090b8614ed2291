package io.github.mlx4j.error;

import java.io.Serializable;
import java.time.Duration;

/**
 * The result of an attempt to load a model with one provider.
 *
 * @param provider the provider: {@code mlx} or {@code hf}
 * @param outcome the outcome
 * @param code the machine-readable reason why the model was not loaded: an error code, or the reason why the provider
 *     was skipped; empty if it was loaded
 * @param message the human-readable reason; empty if the model was loaded
 * @param took the duration of the attempt
 */
public record LoadAttempt(String provider, Outcome outcome, String code, String message, Duration took)
        implements Serializable {

    private static final long serialVersionUID = 1L;

    /** The outcome of an attempt. */
    public enum Outcome {
        /** The model was loaded. */
        LOADED,
        /** The provider tried to load the model and failed. */
        FAILED,
        /** The provider was not tried: it can't run here, doesn't support the adapter, or is disabled. */
        SKIPPED
    }

    @Override
    public String toString() {
        return switch (outcome) {
            case LOADED -> "%s: loaded after %d ms".formatted(provider, took.toMillis());
            case FAILED -> "%s: failed after %d ms (%s): %s".formatted(provider, took.toMillis(), code, message);
            case SKIPPED -> "%s: skipped (%s): %s".formatted(provider, code, message);
        };
    }
}
