package io.github.mlx4j.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.github.mlx4j.FakeMac;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class InstallationCheckTest {

    private static final Platform APPLE_SILICON = new Platform("Mac OS X", "aarch64", false);
    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final String STEPS = "{\"steps\": [\"python\", \"packages\", \"import\", \"compute\"]}";
    private static final String PYTHON = ended("python", "passed", "3.12.1", "", "");
    private static final String PACKAGES =
            ended("packages", "passed", "", "", "\"mlx-lm\": \"0.33.0\", \"mlx\": \"1\"");

    @TempDir
    private Path folder;

    @Test
    void shouldPassWhenEveryStepDoes() throws IOException {
        Path python = printing(
                STEPS,
                PYTHON,
                "a package says hello",
                PACKAGES,
                ended("import", "passed", "", "", ""),
                ended("compute", "passed", "on the gpu", "", ""));

        Installation found = check(APPLE_SILICON, python);

        assertThat(found.passed()).isTrue();
        assertThat(found.interpreter()).isEqualTo(python);
        assertThat(found.versions()).isEqualTo(Map.of("mlx", "1", "mlx-lm", "0.33.0"));
        assertThat(found.steps())
                .extracting(Installation.Step::name, Installation.Step::detail)
                .containsExactly(
                        tuple("platform", "Mac OS X on aarch64"),
                        tuple("interpreter", python.toString()),
                        tuple("python", "3.12.1"),
                        tuple("packages", "mlx 1, mlx-lm 0.33.0"),
                        tuple("import", ""),
                        tuple("compute", "on the gpu"));
        assertThat(found.steps().get(5).ms()).isEqualTo(1.5);
    }

    @Test
    void shouldGiveThePythonATemporaryFolderOfItsOwn() throws IOException {
        Path seen = folder.resolve("seen");
        Path python = StubPython.script(
                folder.resolve("python"),
                "#!/bin/sh",
                "echo \"$TMPDIR\" > '" + seen + "'",
                "ls -ld \"$TMPDIR\" >> '" + seen + "'");

        check(APPLE_SILICON, python);

        List<String> lines = Files.readAllLines(seen);
        assertThat(lines.get(1)).startsWith("drwx------");
        assertThat(Path.of(lines.get(0)))
                .hasParentRaw(Path.of(System.getProperty("java.io.tmpdir")))
                .doesNotExist();
    }

    @Test
    void shouldNotRunWhatNeedsAStepThatFailed() throws IOException {
        Path python = printing(STEPS, PYTHON, ended("packages", "failed", "mlx is not installed.", "Install it.", ""));

        Installation found = check(APPLE_SILICON, python);

        assertThat(found.passed()).isFalse();
        assertThat(found.steps().subList(3, 6))
                .containsExactly(
                        Installation.Step.failed("packages", 1.5, "mlx is not installed.", "Install it."),
                        Installation.Step.notRun("import"),
                        Installation.Step.notRun("compute"));
    }

    @Test
    void shouldFailTheStepAtWhichNativeCodeEndedPython() throws IOException {
        Path python = StubPython.script(
                folder.resolve("python"),
                "#!/bin/sh",
                "echo '" + STEPS + "'",
                "echo '{\"begun\": \"import\"}'",
                "echo 'Illegal instruction' >&2",
                "exit 132");

        Installation found = check(APPLE_SILICON, python);

        assertThat(found.steps().get(1).status()).isEqualTo(Installation.Status.PASSED);
        Installation.Step failed = found.steps().get(4);
        assertThat(failed.name()).isEqualTo("import");
        assertThat(failed.status()).isEqualTo(Installation.Status.FAILED);
        assertThat(failed.detail()).isEqualTo("Python ended with exit code 132: Illegal instruction");
        assertThat(failed.fix()).contains("mlx4j setup mlx --force");
        assertThat(found.steps().get(5)).isEqualTo(Installation.Step.notRun("compute"));
    }

    @Test
    void shouldFailTheStepThatIsNotDoneInTime() throws IOException {
        Path python = StubPython.script(
                folder.resolve("python"),
                "#!/bin/sh",
                "echo '" + STEPS + "'",
                "echo '{\"begun\": \"import\"}'",
                "exec sleep 60");

        Installation found = new InstallationCheck(
                        ProviderKind.MLX, APPLE_SILICON, false, interpreters(python), Duration.ofSeconds(1))
                .run();

        assertThat(found.steps().get(4).detail()).isEqualTo("Python was not done within 1 s");
    }

    @Test
    void shouldFailTheInterpreterWhenItDoesNotRun() throws IOException {
        Path python = StubPython.script(folder.resolve("python"), "#!/bin/sh", "echo 'no such lib' >&2", "exit 127");

        Installation found = check(APPLE_SILICON, python);

        assertThat(found.interpreter()).isEqualTo(python);
        assertThat(found.steps()).hasSize(2);
        assertThat(found.steps().get(1).detail()).isEqualTo(python + " ended with exit code 127: no such lib");
    }

    @Test
    void shouldFailTheInterpreterWhenItIsNoPython() throws IOException {
        Path python = printing("hello");

        assertThat(check(APPLE_SILICON, python).steps().get(1).detail())
                .isEqualTo(python + " printed nothing that a Python would");
    }

    @Test
    void shouldHaveNoInterpreterWhenThereIsNone() {
        Installation found = check(APPLE_SILICON, Path.of("/nowhere/python"));

        assertThat(found.interpreter()).isNull();
        assertThat(found.passed()).isFalse();
        assertThat(found.steps().get(1).detail())
                .isEqualTo("There is no Python interpreter at /nowhere/python, which --python names.");
    }

    @Test
    void shouldRunItAsAWorkerRuns() throws IOException {
        Path told = folder.resolve("told");
        Path python =
                StubPython.script(folder.resolve("python"), "#!/bin/sh", "echo \"$1 $2 $3 $4 $6 $7\" > '" + told + "'");

        check(APPLE_SILICON, python);

        assertThat(told).hasContent("-I -X utf8 -c mlx mlx-lm=0.32.2");
    }

    @Test
    void shouldFindWhatARealInterpreterLacks() throws IOException {
        Path bare = StubPython.script(
                folder.resolve("python"), "#!/bin/sh", "exec '" + FakeWorker.python() + "' -S \"$@\""); // no packages

        Installation found = check(APPLE_SILICON, bare);

        assertThat(found.steps())
                .extracting(step -> step.name() + " " + step.status().text())
                .containsExactly(
                        "platform passed",
                        "interpreter passed",
                        "python passed",
                        "packages failed",
                        "files passed",
                        "no CUDA packages passed",
                        "import mlx.core not run",
                        "import mlx_lm not run",
                        "from mlx_lm import load, generate not run",
                        "import llguidance not run",
                        "import jsonschema not run",
                        "compute not run",
                        "token not run");
        assertThat(found.steps().get(5).name()).isEqualTo(InstallationCheck.NO_CUDA);
    }

    @Test
    void shouldNeedMlxsPlatformUnlessAnyIsAllowed() throws IOException {
        Path python = printing(STEPS);

        Installation.Step refused = check(LINUX, python).steps().get(0);
        Installation.Step allowed = new InstallationCheck(
                        ProviderKind.MLX, LINUX, true, interpreters(python), InstallationCheck.PATIENCE)
                .run()
                .steps()
                .get(0);

        assertThat(refused.status()).isEqualTo(Installation.Status.FAILED);
        assertThat(refused.fix()).contains("MLX4J_ALLOW_ANY_PLATFORM=true");
        assertThat(allowed.status()).isEqualTo(Installation.Status.PASSED);
        assertThat(allowed.detail()).isEqualTo("Linux on amd64, as MLX4J_ALLOW_ANY_PLATFORM allows");
    }

    @Test
    void shouldRefuseWindowsWhateverIsAllowed() throws IOException {
        Installation found = new InstallationCheck(
                        ProviderKind.HF,
                        new Platform("Windows 11", "amd64", false),
                        true,
                        interpreters(printing(STEPS)),
                        InstallationCheck.PATIENCE)
                .run();

        assertThat(found.steps().get(0).status()).isEqualTo(Installation.Status.FAILED);
    }

    @Test
    void shouldStartPythonThroughArchUnderAnIntelJvm() throws IOException {
        FakeMac mac = new FakeMac(folder);
        mac.arch();
        Path python = StubPython.script(
                folder.resolve("python"), "#!/bin/sh", "[ \"$FAKE_ARCH\" = arm64 ] && echo '" + STEPS + "'");

        Installation found = new InstallationCheck(
                        ProviderKind.MLX,
                        FakeMac.ROSETTA,
                        false,
                        new Interpreters(python.toString(), "--python", folder, mac.folders("")),
                        InstallationCheck.PATIENCE)
                .run();

        assertThat(found.steps().get(0).status()).as("the platform").isEqualTo(Installation.Status.PASSED);
        assertThat(found.steps().get(1).status()).as("the interpreter").isEqualTo(Installation.Status.PASSED);
    }

    @Test
    void shouldCheckTheInterpreterThatWouldRunTheWorker() throws IOException {
        FakeMac mac = new FakeMac(folder);
        mac.python("/usr/local/bin/python3", "3.12", "x86_64", true);
        Path chosen = mac.python("/opt/homebrew/bin/python3.12", "3.12", "arm64", true);

        Installation found = new InstallationCheck(
                        ProviderKind.MLX,
                        FakeMac.NATIVE,
                        false,
                        new Interpreters(null, "", folder, mac.folders(FakeMac.DOCK_PATH)),
                        InstallationCheck.PATIENCE)
                .run();

        assertThat(found.interpreter()).isEqualTo(chosen);
    }

    private Path printing(String... lines) throws IOException {
        return StubPython.printing(folder.resolve("python"), String.join("\n", lines));
    }

    private Installation check(Platform platform, Path python) {
        return new InstallationCheck(
                        ProviderKind.MLX, platform, false, interpreters(python), InstallationCheck.PATIENCE)
                .run();
    }

    private Interpreters interpreters(Path python) {
        return new Interpreters(python.toString(), "--python", folder, ProgramFolders.current());
    }

    private static String ended(String name, String status, String detail, String fix, String versions) {
        return "{\"name\": \"%s\", \"status\": \"%s\", \"detail\": \"%s\", \"fix\": \"%s\", \"versions\": {%s}, \"ms\": 1.5}"
                .formatted(name, status, detail, fix, versions);
    }
}
