package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.DownloadException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.PythonTraceback;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.internal.protocol.Inbound.WorkerError;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerErrorsTest {

    /** What a caller sees for each kind of error that {@code errors.py} has. */
    private static final Map<String, Class<? extends Mlx4jException>> TYPES = Map.ofEntries(
            Map.entry("internal", EngineException.class),
            Map.entry("parse_error", ProtocolException.class),
            Map.entry("invalid_message", ProtocolException.class),
            Map.entry("unknown_method", ProtocolException.class),
            Map.entry("invalid_request", InvalidRequestException.class),
            Map.entry("cancelled", CancelledException.class),
            Map.entry("not_ready", WorkerBusyException.class),
            Map.entry("model_load_failed", ModelLoadException.class),
            Map.entry("model_not_found", ModelNotFoundException.class),
            Map.entry("conversion_failed", ConversionException.class),
            Map.entry("download_failed", DownloadException.class),
            Map.entry("out_of_memory", WorkerOutOfMemoryException.class),
            Map.entry("context_overflow", ContextOverflowException.class),
            Map.entry("invalid_answer", UnreadableAnswerException.class),
            Map.entry("unsafe_model", UnsafeModelException.class),
            Map.entry("engine_failed", EngineException.class),
            Map.entry("protocol_version", ProtocolException.class),
            Map.entry("dependency_missing", DependencyMissingException.class),
            Map.entry("not_supported", NotSupportedException.class));

    private static final Pattern KIND =
            Pattern.compile("^ +[^=\\n]*\\bkind\\b[^=\\n]*= [^\\n]*?\"(\\w+)\"", Pattern.MULTILINE);

    /** The kinds that the workers' own source has. */
    static List<String> kinds() throws IOException {
        return KIND.matcher(Files.readString(Path.of("python", "mlx4j_worker", "errors.py")))
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    @Test
    void shouldKnowEveryKindThatAWorkerHas() throws IOException {
        assertThat(kinds()).containsExactlyInAnyOrderElementsOf(TYPES.keySet());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void shouldBeOfItsTypeWhenAWorkerAnswersWithIt(String kind) {
        Mlx4jException error = WorkerErrors.of(
                new WorkerError(-32000, "It broke.", new WorkerError.Data(kind, false, "Do this.", "a traceback")));

        assertThat(error).isExactlyInstanceOf(TYPES.get(kind)).hasMessage("It broke. What to do: Do this.");
        assertThat(error.hint()).isEqualTo("Do this.");
        assertThat(error).cause().isExactlyInstanceOf(PythonTraceback.class).hasMessage("a traceback");
    }

    @Test
    void shouldBeAFaultOfTheEngineWhenTheKindIsNewOrMissing() {
        assertThat(WorkerErrors.of(
                        new WorkerError(-32000, "It broke.", new WorkerError.Data("brand_new", false, "", ""))))
                .isExactlyInstanceOf(EngineException.class)
                .hasMessage("It broke.")
                .hasNoCause();
        assertThat(WorkerErrors.of(new WorkerError(-32603, "It broke.", null)))
                .isExactlyInstanceOf(EngineException.class);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    137 | exit code 137: killed, often by the system because it ran out of memory
                    134 | exit code 134: aborted by native code, on a Mac often because GPU memory ran out
                    139 | exit code 139: crashed in native code
                    138 | exit code 138: crashed in native code
                    70  | exit code 70: its engine failed
                    71  | exit code 71: one of its ranks was lost
                    74  | exit code 74: its pipe to this program broke
                    3   | exit code 3
                    """)
    void shouldNameTheExitCodeWhenAWorkerDied(int exitCode, String cause) {
        WorkerDiedException error = WorkerErrors.died(ProviderKind.MLX, exitCode, "");

        assertThat(error).hasMessageStartingWith("The mlx worker died (" + cause + "). What to do: ");
        assertThat(error.exitCode()).isEqualTo(exitCode);
    }

    @ParameterizedTest
    @ValueSource(ints = {137, 134})
    void shouldHintAtMemoryWhenAWorkerWasKilled(int exitCode) {
        assertThat(WorkerErrors.died(ProviderKind.HF, exitCode, "").hint())
                .isEqualTo("Use a smaller or quantized model, or close other programs; then try again.");
    }

    @Test
    void shouldHintAtTheEnvironmentWhenAWorkerEndedByItself() {
        assertThat(WorkerErrors.died(ProviderKind.HF, 3, "").hint())
                .isEqualTo("Try again; if it happens again, `mlx4j doctor` shows whether the environment is complete.");
    }

    @Test
    void shouldCarryTheLastWordsWhenAWorkerDied() {
        WorkerDiedException error = WorkerErrors.died(ProviderKind.HF, 1, "ImportError: no torch");

        assertThat(error)
                .hasMessageStartingWith("The hf worker died (exit code 1). Its last output on standard error:\n"
                        + "ImportError: no torch\n");
        assertThat(error.standardError()).isEqualTo("ImportError: no torch");
    }
}
