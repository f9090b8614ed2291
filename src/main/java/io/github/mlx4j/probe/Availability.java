package io.github.mlx4j.probe;

import java.nio.file.Path;
import java.util.Map;

/** Whether a provider can run here. Code outside this package that switches over it needs a {@code default}. */
public sealed interface Availability {

    /** Whether it can. */
    default boolean isReady() {
        return this instanceof Ready;
    }

    /**
     * It can.
     *
     * @param interpreter the Python interpreter
     * @param python its version
     * @param versions versions of its packages, by distribution name
     */
    record Ready(Path interpreter, String python, Map<String, String> versions) implements Availability {
        /** Takes immutable copies. */
        public Ready {
            versions = Map.copyOf(versions);
        }
    }

    /**
     * It can't.
     *
     * @param code why, for programs
     * @param reason why, for people
     * @param fix what to do
     */
    record Unavailable(Reason code, String reason, String fix) implements Availability {}
}
