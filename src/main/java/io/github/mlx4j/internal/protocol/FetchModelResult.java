package io.github.mlx4j.internal.protocol;

import java.util.Objects;

/**
 * Result of {@code fetchModel}.
 *
 * @param folder where the model is
 * @param revision its commit
 * @param bytes of its files
 */
public record FetchModelResult(String folder, String revision, long bytes) {
    /** There must be all. */
    public FetchModelResult {
        Objects.requireNonNull(folder, "there is no folder");
        Objects.requireNonNull(revision, "there is no revision");
    }
}
