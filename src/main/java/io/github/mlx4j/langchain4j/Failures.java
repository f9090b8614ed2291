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
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerBusyException;
import java.util.concurrent.CompletionException;

/** From mlx4j's exceptions to LangChain4j's, which tell what is worth another try. */
final class Failures {

    private Failures() {}

    /** The same for what a call threw: an exception that is not one of ours stays what it is. */
    static Throwable of(Throwable thrown) {
        Throwable cause =
                thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        return cause instanceof Mlx4jException error ? of(error) : cause;
    }

    /** LangChain4j's exception for one of ours, which is its cause. */
    static LangChain4jException of(Mlx4jException error) {
        String message = error.getMessage();
        if (error instanceof NotSupportedException) {
            LangChain4jException unsupported = new UnsupportedFeatureException(message);
            unsupported.initCause(error);
            return unsupported;
        }
        if (error instanceof io.github.mlx4j.error.InvalidRequestException
                || error instanceof ContextOverflowException) {
            return new InvalidRequestException(message, error);
        }
        if (error instanceof io.github.mlx4j.error.ModelNotFoundException) {
            return new ModelNotFoundException(message, error);
        }
        if (error instanceof DeadlineExceededException) {
            return new TimeoutException(message, error);
        }
        if (error instanceof WorkerBusyException || error.code().equals("RATE_LIMITED")) {
            return new RateLimitException(message, error);
        }
        if (error.code().equals("MISSING_API_KEY")) {
            return new AuthenticationException(message, error);
        }
        if (error.retryable()) {
            return new InternalServerException(message, error);
        }
        return error instanceof ProviderUnavailableException
                ? new UnresolvedModelServerException(message, error)
                : new NonRetriableException(message, error);
    }
}
