package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/** A model that could not be fetched from the hub: the network, the hub or the disk failed. What is there is kept. */
public final class DownloadException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /** Creates it with a message that says what happened and why, and a hint that says what to do. */
    public DownloadException(String message, String hint) {
        this(message, hint, null);
    }

    /** Creates it with its cause. */
    public DownloadException(String message, String hint, @Nullable Throwable cause) {
        super("DOWNLOAD_FAILED", Fault.BACKEND, message, hint, true, cause);
    }
}
