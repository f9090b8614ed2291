package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssertAlternative;

/** Assertions on futures that fail. */
public final class FutureAssertions {

    private static final int SECONDS = 20; // only what is broken needs them

    private FutureAssertions() {}

    /** Waits for the future to fail with an error of this type. */
    public static <E extends Throwable> ThrowableAssertAlternative<E> assertFails(
            CompletableFuture<?> future, Class<E> type) {
        return assertThatExceptionOfType(type).isThrownBy(() -> {
            try {
                future.get(SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException failure) {
                throw failure.getCause();
            }
        });
    }
}
