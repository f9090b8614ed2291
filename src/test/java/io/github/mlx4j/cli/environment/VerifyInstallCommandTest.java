package io.github.mlx4j.cli.environment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.cli.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uses the hf worker, which runs on all platforms. */
@Timeout(60)
class VerifyInstallCommandTest {

    private static final String WELL = """
            {"steps": ["python", "packages"]}
            {"name": "python", "status": "passed", "detail": "3.12.1", "fix": "", "versions": {}, "ms": 0.1}
            {"name": "packages", "status": "passed", "detail": "", "fix": "", "versions": {"torch": "2.9"}, "ms": 12.4}""";
    private static final String ILL = """
            {"steps": ["packages", "compute"]}
            {"name": "packages", "status": "failed", "detail": "torch is gone.", "fix": "Get it.", "versions": {}, "ms": 2}""";

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    @Test
    void shouldPrintALineForEachStep() throws IOException {
        Path python = StubPython.printing(folder.resolve("python"), WELL);

        assertThat(run("--python", python.toString())).isZero();

        assertThat(out.toString().lines())
                .contains(
                        "passed        0 ms  python: 3.12.1",
                        "passed       12 ms  packages: torch 2.9",
                        "passed: the hf worker can run here")
                .anyMatch(line -> line.matches("passed +(\\d+ ms +)?interpreter: " + python));
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void shouldSayWhatToDoAndWhatWasNotRunWhenAStepFails() throws IOException {
        Path python = StubPython.printing(folder.resolve("python"), ILL);

        assertThat(run("--python", python.toString(), "--model", "/nowhere/model"))
                .isEqualTo(1);

        assertThat(out.toString().lines())
                .contains(
                        "FAILED        2 ms  packages: torch is gone.",
                        "                    What to do: Get it.",
                        "not run             compute",
                        "not run             generate with /nowhere/model",
                        "FAILED: see above");
    }

    @Test
    void shouldExitWithThreeWhenThereIsNoInterpreter() {
        assertThat(run("--python", "/nowhere/python", "--model", "m")).isEqualTo(3);

        assertThat(out.toString())
                .contains("There is no Python interpreter at /nowhere/python, which --python names.")
                .contains("not run             generate with m");
    }

    @Test
    void shouldPrintOneObjectWhenAskedForJson() throws IOException {
        Path python = StubPython.printing(folder.resolve("python"), ILL);

        assertThat(run("--json", "--python", python.toString())).isEqualTo(1);

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("worker").textValue()).isEqualTo("hf");
        assertThat(json.path("interpreter").textValue()).isEqualTo(python.toString());
        assertThat(json.path("passed").booleanValue()).isFalse();
        assertThat(json.path("steps"))
                .extracting(step -> step.path("name").textValue() + " "
                        + step.path("status").textValue())
                .containsExactly("platform passed", "interpreter passed", "packages failed", "compute not run");
        assertThat(json.at("/steps/2"))
                .isEqualTo(new JsonMapper()
                        .readTree("{\"name\":\"packages\",\"status\":\"failed\",\"ms\":2.0,"
                                + "\"detail\":\"torch is gone.\",\"fix\":\"Get it.\"}"));
    }

    @Test
    void shouldRunAUsersCommandAndTellItsExitCode() throws IOException {
        Path python = StubPython.printing(folder.resolve("python"), WELL);

        assertThat(run("--python", python.toString(), "--run", "echo two tests; exit 0"))
                .isZero();
        assertThat(run("--python", python.toString(), "--run", "echo one failed >&2; exit 5"))
                .isEqualTo(1);

        assertThat(err.toString().lines()).containsExactly("two tests", "one failed");
        assertThat(out.toString())
                .containsPattern("passed +\\d+ ms  run echo two tests; exit 0: exit code 0")
                .containsPattern("FAILED +\\d+ ms  run echo one failed >&2; exit 5: exit code 5");
    }

    private int run(String... arguments) {
        String[] all = new String[arguments.length + 2];
        all[0] = "verify-install";
        all[1] = "hf";
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(all);
    }
}
