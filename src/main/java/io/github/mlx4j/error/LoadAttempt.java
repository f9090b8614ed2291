package io.github.mlx4j.error;

import java.io.Serializable;
import java.time.Duration;

/**
 * What became of the attempt to load a model through one provider.
 *
 * @param provider which: {@code mlx} or {@code hf}
 * @param outcome how it ended
 * @param code why it was not loaded, for programs: the code of an error, or why the provider was left out; empty if it
 *     was loaded
 * @param message the same for people; empty if it was loaded
 * @param took how long it took
 */
public record LoadAttempt(String provider, Outcome outcome, String code, String message, Duration took)
        implements Serializable {

    private static final long serialVersionUID = 1L;

    /** How an attempt ended. */
    public enum Outcome {
        /** The model is loaded. */
        LOADED,
        /** The provider tried, and failed. */
        FAILED,
        /** The provider was left out: it can't run here, can't have the adapter, or is not wanted. */
        SKIPPED
    }

    @Override
    public String toString() {
        return switch (outcome) {
            case LOADED -> "%s: loaded after %d ms".formatted(provider, took.toMillis());
            case FAILED -> "%s: failed after %d ms (%s): %s".formatted(provider, took.toMillis(), code, message);
            case SKIPPED -> "%s: left out (%s): %s".formatted(provider, code, message);
        };
    }
}
