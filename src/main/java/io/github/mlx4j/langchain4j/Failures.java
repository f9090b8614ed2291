package io.github.mlx4j.langchain4j;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.Mlx4jException;
import java.util.concurrent.CompletionException;

/** Converts mlx4j's exceptions to LangChain4j's, which distinguish between errors that can be retried and others. */
final class Failures {

    private Failures() {}

    /** Converts an exception; exceptions that are not mlx4j's are returned unchanged. */
    static Throwable of(Throwable thrown) {
        Throwable cause =
                thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        return cause instanceof Mlx4jException error ? of(error) : cause;
    }

    /** Returns the LangChain4j exception for an mlx4j exception, which becomes its cause. */
    static LangChain4jException of(Mlx4jException error) {
        String message = error.getMessage();
        return switch (error.code()) {
            case "NOT_SUPPORTED" -> unsupported(message, error);
            case "INVALID_REQUEST", "CONTEXT_OVERFLOW" -> new InvalidRequestException(message, error);
            case "MODEL_NOT_FOUND" -> new ModelNotFoundException(message, error);
            case "DEADLINE_EXCEEDED" -> new TimeoutException(message, error);
            case "BUSY", "RATE_LIMITED" -> new RateLimitException(message, error);
            case "MISSING_API_KEY" -> new AuthenticationException(message, error);
            default -> byFault(message, error);
        };
    }

    private static LangChain4jException byFault(String message, Mlx4jException error) {
        if (error.retryable()) {
            return new InternalServerException(message, error);
        }
        return error.fault() == Fault.BACKEND
                ? new UnresolvedModelServerException(message, error)
                : new NonRetriableException(message, error);
    }

    /** Creates the exception in two steps, because it has no constructor with a message and a cause. */
    private static LangChain4jException unsupported(String message, Mlx4jException error) {
        LangChain4jException unsupported = new UnsupportedFeatureException(message);
        unsupported.initCause(error);
        return unsupported;
    }
}
