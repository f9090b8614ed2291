package io.github.mlx4j.environment;

import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.provider.ProviderKind;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Whether a provider can run or be reached here. Code outside this package that switches over it needs a
 * {@code default}.
 */
public sealed interface Availability {

    /** Whether it can. */
    default boolean isReady() {
        return !(this instanceof Unavailable);
    }

    /**
     * What starts its worker: the command of {@link Ready}.
     *
     * @throws ProviderUnavailableException if it can't run here
     */
    default List<String> commandOrThrow(ProviderKind kind) {
        if (this instanceof Unavailable not) {
            throw new ProviderUnavailableException(kind.name() + "_NOT_AVAILABLE", not.reason(), not.fix());
        }
        return ((Ready) this).command();
    }

    /**
     * Its worker can run here.
     *
     * @param interpreter the Python interpreter
     * @param launcher the program and arguments that start the interpreter as arm64 where this JVM is an Intel one on
     *     Apple silicon; else empty
     * @param python its version
     * @param versions versions of its packages, by distribution name
     */
    record Ready(Path interpreter, List<String> launcher, String python, Map<String, String> versions)
            implements Availability {
        /** Takes immutable copies. */
        public Ready {
            launcher = List.copyOf(launcher);
            versions = Map.copyOf(versions);
        }

        /** One whose interpreter is started directly. */
        public Ready(Path interpreter, String python, Map<String, String> versions) {
            this(interpreter, List.of(), python, versions);
        }

        /** What starts Python: the launcher, then the interpreter. */
        public List<String> command() {
            return Stream.concat(launcher.stream(), Stream.of(interpreter.toString()))
                    .toList();
        }
    }

    /**
     * It is a remote one with all that it needs.
     *
     * @param server its base URL
     * @param asked whether its server was asked and answered; a paid service is not asked
     */
    record Remote(URI server, boolean asked) implements Availability {}

    /**
     * It can't.
     *
     * @param code why, for programs
     * @param reason why, for people
     * @param fix what to do
     */
    record Unavailable(Reason code, String reason, String fix) implements Availability {}
}
