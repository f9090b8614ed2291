package io.github.mlx4j.error;

import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The one family of everything that mlx4j throws. Unchecked.
 *
 * <p>The {@linkplain #getMessage() message} says what happened, why, and what to do; {@link #code()} is stable and
 * meant for programs and for searching, {@link #hint()} is the "what to do" alone. {@link #fault()} says whose fault it
 * is. {@link #retryable()} tells whether the same request may succeed later or elsewhere without a change.
 */
public abstract sealed class Mlx4jException extends RuntimeException implements Cloneable
        permits CancelledException,
                ClientMemoryException,
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
    private final Fault fault;
    private final String reason;
    private final String hint;
    private final boolean retryable;

    Mlx4jException(
            String code, Fault fault, String message, String hint, boolean retryable, @Nullable Throwable cause) {
        super(hint.isEmpty() ? message : message + " What to do: " + hint, cause);
        this.code = code;
        this.fault = fault;
        this.reason = message;
        this.hint = hint;
        this.retryable = retryable;
    }

    /**
     * Any throwable as one of this family: itself if it is one already (or is the cause of a
     * {@link CompletionException}), a {@link ClientMemoryException} for an {@link OutOfMemoryError}, else an
     * {@link EngineException} with it as the cause, which concerns this request only.
     *
     * <p>An {@link ExecutionException} comes from a thread that waited. The result is then a copy whose stack trace is
     * that of the waiting thread, so that it shows the call that failed rather than the thread that read the answer.
     */
    public static Mlx4jException of(Throwable error) {
        Throwable cause = error.getCause();
        if (cause != null && error instanceof CompletionException) {
            return of(cause);
        }
        if (cause != null && error instanceof ExecutionException) {
            return of(cause).withStackTraceOf(error);
        }
        if (error instanceof Mlx4jException known) {
            return known;
        }
        if (error instanceof OutOfMemoryError) {
            return new ClientMemoryException(
                    "This program ran out of memory (" + error.getMessage() + ").",
                    "Give the JVM more memory (-Xmx), or run fewer requests at once.",
                    error);
        }
        return new EngineException(
                Fault.MODEL,
                "An unexpected error ended this request: " + error,
                "This is probably a bug in mlx4j; please report it with its stack trace.",
                error);
    }

    private Mlx4jException withStackTraceOf(Throwable other) {
        try {
            Mlx4jException copy = (Mlx4jException) clone();
            copy.setStackTrace(other.getStackTrace());
            return copy;
        } catch (CloneNotSupportedException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** The {@link #reason()}, followed by the {@link #hint()} if there is one. */
    @Override
    public final String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** A stable name of the kind of failure, for example {@code MODEL_NOT_FOUND}. */
    public final String code() {
        return code;
    }

    /** Whose fault it is. */
    public final Fault fault() {
        return fault;
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
