package io.github.mlx4j.environment;

import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.provider.ProviderKind;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Whether a provider can run or be reached here. A switch over this type outside this package needs a {@code default}
 * branch.
 */
public sealed interface Availability {

    /** Returns whether the provider is available. */
    default boolean isReady() {
        return !(this instanceof Unavailable);
    }

    /**
     * Returns the command that starts Python for the provider's worker: the command of {@link Ready}.
     *
     * @throws ProviderUnavailableException if the provider can't run here
     */
    default List<String> commandOrThrow(ProviderKind kind) {
        if (this instanceof Unavailable not) {
            throw new ProviderUnavailableException(kind.name() + "_NOT_AVAILABLE", not.reason(), not.fix());
        }
        return ((Ready) this).command();
    }

    /**
     * The provider's worker can run here.
     *
     * @param interpreter the Python interpreter
     * @param launcher the program and arguments that start the interpreter as arm64 if this is an Intel JVM on Apple
     *     silicon; otherwise empty
     * @param python the Python version
     * @param versions the versions of the packages, by distribution name
     */
    record Ready(Path interpreter, List<String> launcher, String python, Map<String, String> versions)
            implements Availability {
        /** Makes immutable copies of the collections. */
        public Ready {
            launcher = List.copyOf(launcher);
            versions = Map.copyOf(versions);
        }

        /** Creates an instance whose interpreter is started directly. */
        public Ready(Path interpreter, String python, Map<String, String> versions) {
            this(interpreter, List.of(), python, versions);
        }

        /** Returns the command that starts Python: the launcher, followed by the interpreter. */
        public List<String> command() {
            return Stream.concat(launcher.stream(), Stream.of(interpreter.toString()))
                    .toList();
        }
    }

    /**
     * A remote provider that has everything it needs.
     *
     * @param server the base URL
     * @param asked whether the server was contacted and answered; paid services are not contacted
     */
    record Remote(URI server, boolean asked) implements Availability {}

    /**
     * The provider is not available.
     *
     * @param code the machine-readable reason
     * @param reason the human-readable reason
     * @param fix what to do about it
     */
    record Unavailable(Reason code, String reason, String fix) implements Availability {}
}
