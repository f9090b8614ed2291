package io.github.mlx4j.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Constructor;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class Mlx4jExceptionTest {

    private static final Throwable CAUSE = new IllegalStateException("the cause");
    private static final LoadAttempt ATTEMPT =
            new LoadAttempt("mlx", LoadAttempt.Outcome.FAILED, "WORKER_DIED", "It died.", Duration.ofMillis(1500));

    /** Programs compare these: a code that exists never changes. */
    private static final Map<String, Boolean> CODES_AND_RETRYABLE = Map.ofEntries(
            Map.entry("CANCELLED", false),
            Map.entry("CLIENT_OUT_OF_MEMORY", false),
            Map.entry("CLOSED", false),
            Map.entry("INVALID_CONFIGURATION", false),
            Map.entry("CONTEXT_OVERFLOW", false),
            Map.entry("DEPENDENCY_MISSING", false),
            Map.entry("DOWNLOAD_FAILED", true),
            Map.entry("ENGINE_FAILED", true),
            Map.entry("INVALID_REQUEST", false),
            Map.entry("MODEL_LOAD_FAILED", false),
            Map.entry("MODEL_NOT_FOUND", false),
            Map.entry("NOT_LOADED", false),
            Map.entry("NOT_SUPPORTED", false),
            Map.entry("NO_BACKEND_LOADED", false),
            Map.entry("PROTOCOL_ERROR", false),
            Map.entry("MLX_NOT_AVAILABLE", false),
            Map.entry("UNREADABLE_ANSWER", true),
            Map.entry("CONVERSION_FAILED", false),
            Map.entry("UNSAFE_MODEL", false),
            Map.entry("UNSUPPORTED_PROVIDER", false),
            Map.entry("BUSY", true),
            Map.entry("WORKER_DIED", true),
            Map.entry("WORKER_HUNG", true),
            Map.entry("DEADLINE_EXCEEDED", true),
            Map.entry("OUT_OF_MEMORY", true),
            Map.entry("WORKER_START_FAILED", true));

    static List<Class<?>> types() {
        return List.of(Mlx4jException.class.getPermittedSubclasses());
    }

    static Stream<Constructor<?>> constructors() {
        return types().stream().flatMap(type -> Arrays.stream(type.getConstructors()));
    }

    @ParameterizedTest
    @MethodSource("types")
    void shouldBeFinalWhenItIsAKindOfFailure(Class<?> type) {
        assertThat(Modifier.isFinal(type.getModifiers())).isTrue();
        assertThat(type.getConstructors()).isNotEmpty();
    }

    @Test
    void shouldHaveACodeOfItsOwnWhenItIsAKindOfFailure() {
        List<Mlx4jException> oneOfEach = types().stream()
                .map(type -> make(type.getConstructors()[0], "Do this."))
                .toList();

        assertThat(oneOfEach).extracting(Mlx4jException::code).doesNotHaveDuplicates();
        assertThat(oneOfEach.stream().collect(Collectors.toMap(Mlx4jException::code, Mlx4jException::retryable)))
                .isEqualTo(CODES_AND_RETRYABLE);
    }

    @ParameterizedTest
    @MethodSource("constructors")
    void shouldSayWhatToDoWhenThereIsAHint(Constructor<?> constructor) {
        Mlx4jException error = make(constructor, "Do this.");

        assertThat(error).hasMessage("It broke. What to do: Do this.");
        assertThat(error.hint()).isEqualTo("Do this.");
        assertThat(error.getCause()).isSameAs(hasCause(constructor) ? CAUSE : null);
    }

    @ParameterizedTest
    @MethodSource("constructors")
    void shouldShowTheCallThatFailedWhenItHappenedOnAnotherThread(Constructor<?> constructor) throws Exception {
        CompletableFuture<String> answer = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            Mlx4jException error = make(constructor, "Do this.");
            error.addSuppressed(CAUSE);
            answer.completeExceptionally(error);
        });
        reader.start();
        reader.join();

        Mlx4jException original =
                Mlx4jException.of(answer.handle((value, error) -> error).get());
        Mlx4jException thrown = null;
        try {
            answer.get();
        } catch (ExecutionException failure) {
            thrown = Mlx4jException.of(failure);
        }
        assertThat(thrown)
                .hasSameClassAs(original)
                .isNotSameAs(original)
                .hasMessage(original.getMessage())
                .extracting("code", "fault", "reason", "hint", "retryable")
                .containsExactly(
                        original.code(), original.fault(), original.reason(), original.hint(), original.retryable());
        assertThat(thrown.getCause()).isSameAs(original.getCause());
        assertThat(thrown.getSuppressed()).containsExactly(CAUSE);
        assertThat(methods(thrown)).contains("shouldShowTheCallThatFailedWhenItHappenedOnAnotherThread");
        assertThat(methods(original)).doesNotContain("shouldShowTheCallThatFailedWhenItHappenedOnAnotherThread");
    }

    private static List<String> methods(Throwable error) {
        return Arrays.stream(error.getStackTrace())
                .map(StackTraceElement::getMethodName)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("constructors")
    void shouldSayOnlyWhatHappenedWhenThereIsNoHint(Constructor<?> constructor) {
        Mlx4jException error = make(constructor, "");

        assertThat(error).hasMessage("It broke.");
        assertThat(error.hint()).isEmpty();
    }

    @Test
    void shouldCarryExitCodeAndStandardErrorWhenAWorkerDied() {
        WorkerDiedException error = new WorkerDiedException("It broke.", "", 137, "last words");

        assertThat(error.exitCode()).isEqualTo(137);
        assertThat(error.standardError()).isEqualTo("last words");
    }

    @Test
    void shouldCarryTheAnswerAsItCameWhenItIsUnreadable() {
        assertThat(new UnreadableAnswerException("It broke.", "", "so it came", null).text())
                .isEqualTo("so it came");
    }

    @Test
    void shouldCarryEveryAttemptWhenNoBackendLoadedAModel() {
        assertThat(new NoBackendLoadedException("It broke.", "", List.of(ATTEMPT)).attempts())
                .containsExactly(ATTEMPT);
        assertThat(ATTEMPT).hasToString("mlx: failed after 1500 ms (WORKER_DIED): It died.");
    }

    private static boolean hasCause(Constructor<?> constructor) {
        return List.of(constructor.getParameterTypes()).contains(Throwable.class);
    }

    private static Mlx4jException make(Constructor<?> constructor, String hint) {
        Map<String, Object> values = Map.ofEntries(
                Map.entry("code", "MLX_NOT_AVAILABLE"),
                Map.entry("fault", Fault.BACKEND),
                Map.entry("message", "It broke."),
                Map.entry("hint", hint),
                Map.entry("retryable", false),
                Map.entry("cause", CAUSE),
                Map.entry("exitCode", 3),
                Map.entry("standardError", ""),
                Map.entry("text", "so it came"),
                Map.entry("attempts", List.of(ATTEMPT)));
        Object[] arguments = Arrays.stream(constructor.getParameters())
                .map(Parameter::getName)
                .map(values::get)
                .toArray();
        try {
            return (Mlx4jException) constructor.newInstance(arguments);
        } catch (ReflectiveOperationException error) {
            throw new AssertionError(constructor.toString(), error);
        }
    }
}
