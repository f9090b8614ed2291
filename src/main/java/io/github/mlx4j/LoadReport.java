package io.github.mlx4j;

import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.provider.Backend;
import java.util.List;

/**
 * Describes how a model was loaded.
 *
 * @param details what was loaded
 * @param attempts all attempts in order; the last one succeeded
 * @param warnings what the user should know: the worker's warnings, and options that were not applied as requested
 */
public record LoadReport(ModelDetails details, List<LoadAttempt> attempts, List<String> warnings) {

    /** Makes immutable copies of the lists. */
    public LoadReport {
        attempts = List.copyOf(attempts);
        warnings = List.copyOf(warnings);
    }

    /** Returns the engine that loaded the model and the device it runs on. */
    public Backend backend() {
        return details.backend();
    }
}
