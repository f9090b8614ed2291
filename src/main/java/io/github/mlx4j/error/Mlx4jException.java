package io.github.mlx4j.error;

import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The base class of all exceptions that mlx4j throws. Unchecked.
 *
 * <p>The {@linkplain #getMessage() message} says what happened, why, and what to do. {@link #hint()} contains only what
 * to do. {@link #code()} is stable, for programs and for searching. {@link #fault()} says where the fault lies.
 * {@link #retryable()} says whether the same request may succeed later or elsewhere without a change.
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
     * Converts any throwable to an exception of this type. If the throwable, or the cause of a
     * {@link CompletionException}, already has this type, it is returned as is. An {@link OutOfMemoryError} becomes a
     * {@link ClientMemoryException}. Anything else becomes the cause of an {@link EngineException} that affects this
     * request only.
     *
     * <p>An {@link ExecutionException} comes from a waiting thread. In this case, the result is a copy with the stack
     * trace of the waiting thread, so that it shows the call that failed instead of the thread that read the answer.
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

    /** Returns the {@link #reason()}, followed by the {@link #hint()} if there is one. */
    @Override
    public final String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Returns the stable name of this kind of failure, such as {@code MODEL_NOT_FOUND}. */
    public final String code() {
        return code;
    }

    /** Returns where the fault lies. */
    public final Fault fault() {
        return fault;
    }

    /** Returns what happened and why: the message without the hint. */
    public final String reason() {
        return reason;
    }

    /** Returns what to do about it, or an empty string if there is no hint. */
    public final String hint() {
        return hint;
    }

    /** Returns whether the same request may succeed later, or with another provider, without a change. */
    public final boolean retryable() {
        return retryable;
    }
}
