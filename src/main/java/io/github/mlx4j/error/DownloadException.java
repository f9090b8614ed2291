package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a model could not be downloaded from the hub because of the network, the hub or the disk. Files that were
 * already downloaded are kept.
 */
public final class DownloadException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a message (what happened and why) and a hint (what to do). */
    public DownloadException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates an exception with a cause. */
    public DownloadException(String message, String hint, @Nullable Throwable cause) {
        super("DOWNLOAD_FAILED", Fault.BACKEND, message, hint, true, cause);
    }
}
