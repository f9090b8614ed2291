package io.github.mlx4j;

import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.provider.Backend;
import java.util.List;

/**
 * How a model was loaded.
 *
 * @param details what was loaded
 * @param attempts every attempt, in order; the last one loaded it
 * @param warnings what a user should know: the worker's warnings, and what is not as it was asked for
 */
public record LoadReport(ModelDetails details, List<LoadAttempt> attempts, List<String> warnings) {

    /** Takes immutable copies. */
    public LoadReport {
        attempts = List.copyOf(attempts);
        warnings = List.copyOf(warnings);
    }

    /** Which engine has the model, and where it runs. */
    public Backend backend() {
        return details.backend();
    }
}
