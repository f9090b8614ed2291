package io.github.mlx4j.error;

import org.jspecify.annotations.Nullable;

/**
 * The one family of everything that mlx4j throws. Unchecked.
 *
 * <p>The {@linkplain #getMessage() message} says what happened, why, and what to do; {@link #code()} is stable and
 * meant for programs and for searching, {@link #hint()} is the "what to do" alone. {@link #retryable()} tells whether
 * the same request may succeed later or elsewhere without a change.
 */
public abstract sealed class Mlx4jException extends RuntimeException
        permits CancelledException,
                ClosedException,
                ConfigurationException,
                ContextOverflowException,
                ConversionException,
                DeadlineExceededException,
                DependencyMissingException,
                DownloadException,
                EngineException,
                InvalidRequestException,
                ModelLoadException,
                ModelNotFoundException,
                NoBackendLoadedException,
                NotLoadedException,
                NotSupportedException,
                ProtocolException,
                ProviderUnavailableException,
                UnreadableAnswerException,
                UnsafeModelException,
                UnsupportedProviderException,
                WorkerBusyException,
                WorkerDiedException,
                WorkerHungException,
                WorkerOutOfMemoryException,
                WorkerStartException {

    private static final long serialVersionUID = 1L;

    private final String code;
    private final String reason;
    private final String hint;
    private final boolean retryable;

    Mlx4jException(String code, String message, String hint, boolean retryable, @Nullable Throwable cause) {
        super(hint.isEmpty() ? message : message + " What to do: " + hint, cause);
        this.code = code;
        this.reason = message;
        this.hint = hint;
        this.retryable = retryable;
    }

    /** A stable name of the kind of failure, for example {@code MODEL_NOT_FOUND}. */
    public final String code() {
        return code;
    }

    /** What happened and why: the message without the hint. */
    public final String reason() {
        return reason;
    }

    /** What to do about it, or an empty string where there is nothing to say. */
    public final String hint() {
        return hint;
    }

    /** Whether the same request may succeed later, or through another provider, without a change. */
    public final boolean retryable() {
        return retryable;
    }
}
