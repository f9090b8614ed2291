package io.github.mlx4j.internal.worker;

import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.error.LoadAttempt.Outcome;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NoBackendLoadedException;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads a model on the first backend that can load it: mlx, then transformers. Every attempt is recorded and logged.
 *
 * @param <T> the type of a loaded model
 */
public abstract class LoadLoop<T> {

    /** The backends, in the order in which they are tried. */
    public static final List<ProviderKind> ORDER = List.of(ProviderKind.MLX, ProviderKind.HF);

    private static final Logger log = LoggerFactory.getLogger(LoadLoop.class);

    /**
     * A loaded model.
     *
     * @param value the model
     * @param attempts all attempts, in order; the last one succeeded
     */
    public record Loaded<T>(T value, List<LoadAttempt> attempts) {}

    /**
     * Returns whether a backend can run here. Called once per backend, before {@link #load}. May throw a
     * {@link Mlx4jException}.
     */
    protected abstract Availability availability(ProviderKind kind);

    /** Loads the model on a backend that can run here, or throws a {@link Mlx4jException} and leaves nothing open. */
    protected abstract T load(ProviderKind kind, Availability.Ready ready);

    /**
     * Returns whether every backend would fail in the same way. By default, this is only true for a load that was
     * cancelled or closed.
     */
    protected boolean isFinal(Mlx4jException failure) {
        return failure.fault() == Fault.ENDED;
    }

    /**
     * Loads the model.
     *
     * @param what the start of the message if no backend can load it
     * @throws NoBackendLoadedException if no backend can load it; contains every attempt
     * @throws Mlx4jException if a failure is {@linkplain #isFinal final}
     */
    public final Loaded<T> first(List<ProviderKind> kinds, String what) {
        List<LoadAttempt> attempts = new ArrayList<>();
        List<Mlx4jException> causes = new ArrayList<>();
        for (ProviderKind kind : kinds) {
            long begun = System.nanoTime();
            try {
                Availability availability = availability(kind);
                if (availability instanceof Availability.Ready ready) {
                    T value = load(kind, ready);
                    attempts.add(attempt(kind, Outcome.LOADED, "", "", begun));
                    return new Loaded<>(value, List.copyOf(attempts));
                }
                Availability.Unavailable not = (Availability.Unavailable) availability;
                String why = not.reason() + " What to do: " + not.fix();
                attempts.add(attempt(kind, Outcome.SKIPPED, not.code().name(), why, begun));
                log.info("{}", attempts.get(attempts.size() - 1));
            } catch (Mlx4jException failure) {
                if (isFinal(failure)) {
                    throw failure;
                }
                attempts.add(attempt(kind, Outcome.FAILED, failure.code(), failure.getMessage(), begun));
                causes.add(failure);
                log.warn("{}", attempts.get(attempts.size() - 1));
            }
        }
        String tried = attempts.stream().map(attempt -> "\n- " + attempt).collect(Collectors.joining());
        NoBackendLoadedException failure = new NoBackendLoadedException(
                what + ":" + tried + "\n",
                "Fix one of the causes listed above; `mlx4j doctor` shows what can run here.",
                attempts);
        causes.forEach(failure::addSuppressed);
        throw failure;
    }

    private static LoadAttempt attempt(ProviderKind kind, Outcome outcome, String code, String message, long begun) {
        return new LoadAttempt(kind.id(), outcome, code, message, Duration.ofNanos(System.nanoTime() - begun));
    }
}
