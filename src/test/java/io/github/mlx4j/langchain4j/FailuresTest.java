package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerHungException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailuresTest {

    static Stream<Arguments> failures() {
        return Stream.of(
                Arguments.of(new NotSupportedException("m", "h"), UnsupportedFeatureException.class),
                Arguments.of(
                        new io.github.mlx4j.error.InvalidRequestException("m", "h"), InvalidRequestException.class),
                Arguments.of(new ContextOverflowException("m", "h"), InvalidRequestException.class),
                Arguments.of(
                        new ModelNotFoundException("m", "h"), dev.langchain4j.exception.ModelNotFoundException.class),
                Arguments.of(new DeadlineExceededException("m", "h"), TimeoutException.class),
                Arguments.of(new WorkerBusyException("m", "h"), RateLimitException.class),
                Arguments.of(
                        new ProviderUnavailableException("RATE_LIMITED", "m", "h", true), RateLimitException.class),
                Arguments.of(
                        new ProviderUnavailableException("MISSING_API_KEY", "m", "h"), AuthenticationException.class),
                Arguments.of(
                        new ProviderUnavailableException("OLLAMA_NOT_AVAILABLE", "m", "h", true),
                        InternalServerException.class),
                Arguments.of(
                        new ProviderUnavailableException("NO_PROVIDER_AVAILABLE", "m", "h"),
                        UnresolvedModelServerException.class),
                Arguments.of(new WorkerHungException("m", "h"), InternalServerException.class),
                Arguments.of(new DependencyMissingException("m", "h"), UnresolvedModelServerException.class),
                Arguments.of(new ModelLoadException("m", "h"), NonRetriableException.class),
                Arguments.of(new CancelledException("m", "h"), NonRetriableException.class));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void shouldBeLangChain4jsWithOursAsItsCauseWhenSomethingFails(Mlx4jException ours, Class<?> theirs) {
        assertThat(Failures.of(ours))
                .isExactlyInstanceOf(theirs)
                .hasMessage("m What to do: h")
                .hasCause(ours);
    }
}
