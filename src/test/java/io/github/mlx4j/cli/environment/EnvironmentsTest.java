package io.github.mlx4j.cli.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.FakeMac;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Creates environments with scripts that replace Python and uv; they record their arguments and simulate the work. */
@Timeout(60)
class EnvironmentsTest {

    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final String READY = "mlx: ready at %s (token 7 on the cpu)%nmlx: to undo, remove that folder";

    private final List<String> progress = new CopyOnWriteArrayList<>();
    private final Map<String, String> variables = new HashMap<>(System.getenv());

    @TempDir
    private Path folder;

    private Path bin;
    private Path environment;
    private Path marker;

    @BeforeEach
    void nameFolders() {
        bin = folder.resolve("bin");
        environment = folder.resolve("home/envs/mlx");
        marker = environment.resolve("mlx4j-requirements.sha256");
    }

    @Test
    void shouldMakeAnEnvironmentWhenThereIsNone() throws IOException {
        Path python = python("python3", 12);

        assertThat(make()).isEqualTo(READY.formatted(environment));

        assertThat(calls())
                .containsExactly(
                        "python3: probe",
                        "python3: venv " + environment,
                        "python: pip",
                        "python: seal annotated-doc",
                        "python: verify mlx");
        assertThat(progress)
                .contains(
                        "mlx: making an environment with " + python,
                        "mlx: package 1 of at most " + packages() + ", mlx-lm==0.32.2",
                        "mlx: package 2 of at most " + packages() + ", mlx",
                        "mlx: Installing collected packages",
                        "  a warning of pip",
                        "mlx: checking it with a token from a tiny model")
                .noneMatch(line -> line.contains("made anew"));
        assertThat(marker).content().matches("[0-9a-f]{64}\n");
        assertThat(folder.resolve("requirements"))
                .as("what pip was given")
                .hasSameTextualContentAs(Path.of("python", "requirements", "mlx.txt"));
    }

    @Test
    void shouldDoNothingWhenTheEnvironmentIsWhole() throws IOException {
        python("python3", 12);
        make();
        forget();

        assertThat(make()).isEqualTo("mlx: ready at " + environment);

        assertThat(calls()).as("it was only looked at").containsExactly("python: probe", "python: check ");
        assertThat(progress).isEmpty();
    }

    @Test
    void shouldMakeItAnewWhenForced() throws IOException {
        python("python3", 12);
        make();
        forget();
        Path old = Files.createFile(environment.resolve("old"));

        assertThat(make(true)).isEqualTo(READY.formatted(environment));

        assertThat(calls()).contains("python3: venv " + environment, "python: pip");
        assertThat(old).doesNotExist();
    }

    @Test
    void shouldMakeItAnewWhenItIsHalfMade() throws IOException {
        python("python3", 12);
        make();
        Files.delete(marker);
        Path old = Files.createFile(environment.resolve("old"));

        assertMadeAnew();

        assertThat(old).doesNotExist();
    }

    @Test
    void shouldMakeItAnewWhenItIsOfOtherRequirements() throws IOException {
        python("python3", 12);
        make();
        Files.writeString(marker, "0".repeat(64) + "\n");

        assertMadeAnew();
    }

    @Test
    void shouldMakeItAnewWhenAFileOfItWasChanged() throws IOException {
        python("python3", 12);
        make();
        Files.writeString(folder.resolve("check"), "[\"mlx_lm/utils.py was changed\"]");

        assertMadeAnew();

        assertThat(progress).contains("mlx: mlx_lm/utils.py was changed");
    }

    @Test
    void shouldListTheFilesOfAnEnvironmentThatAnOlderVersionMade() throws IOException {
        python("python3", 12);
        make();
        forget();
        Files.writeString(folder.resolve("check"), "null");

        assertThat(make()).isEqualTo("mlx: ready at " + environment);

        assertThat(calls()).containsExactly("python: probe", "python: check ", "python: seal annotated-doc");
    }

    @Test
    void shouldRenewTheCopyOfTheWorkersThatAnotherVersionMade() throws IOException {
        python("python3", 12);
        make();
        Path script = environment.resolve("mlx4j/mlx_worker.py");
        assertThat(script).hasSameBinaryContentAs(Path.of("python", "mlx_worker.py"));
        Files.writeString(script, "# of another version");
        forget();

        assertThat(make()).isEqualTo("mlx: ready at " + environment);

        assertThat(script).hasSameBinaryContentAs(Path.of("python", "mlx_worker.py"));
        assertThat(calls()).containsExactly("python: probe", "python: check ", "python: seal annotated-doc");
    }

    @Test
    void shouldLeaveNoMarkerWhenAFileIsNotThatOfItsPackage() throws IOException {
        python("python3", 12);
        Files.writeString(folder.resolve("seal"), "[\"evil.pth runs code\"]");

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessageContaining("are not those of its packages: evil.pth runs code.");
        assertThat(marker).doesNotExist();
        assertThat(calls()).as("nothing of it was run").last().isEqualTo("python: seal annotated-doc");
    }

    @Test
    void shouldRefuseAnEnvironmentThatOthersCanWriteTo() throws IOException {
        python("python3", 12);
        make();
        Files.setPosixFilePermissions(environment.resolve("bin"), PosixFilePermissions.fromString("rwxrwx---"));

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(this::make)
                .withMessageContaining("Run `chmod -R go-w " + environment + "/bin`");
        assertThat(make(true)).as("made anew").startsWith("mlx: ready");
    }

    @Test
    void shouldMakeItAnewWhenItsInterpreterIsGone() throws IOException {
        python("python3", 12);
        make();
        Files.delete(environment.resolve("bin/python"));

        assertMadeAnew();
    }

    @Test
    void shouldMakeItAnewWhenItsInterpreterHasNoPackages() throws IOException {
        python("python3", 12);
        make();
        StubPython.printing(
                environment.resolve("bin/python"),
                StubPython.ALL_WELL.replace("\"missing\": []", "\"missing\": [\"mlx_lm\"]"));

        assertMadeAnew();
    }

    @Test
    void shouldLeaveNoMarkerWhenPipFails() throws IOException {
        python("python3", 12);
        Path fails = Files.createFile(folder.resolve("pip-fails"));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessageMatching(
                        "(?s)`" + environment + "/bin/python -I -m pip install .* -r .*` failed with exit code 1\\."
                                + " What to do: The lines above say why\\. What was made so far is made anew by the next"
                                + " `mlx4j setup mlx`\\.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("DEPENDENCY_MISSING"));
        assertThat(progress).contains("mlx: ERROR: no network");
        assertThat(marker).doesNotExist();
        assertThat(calls()).as("it was not verified").last().isEqualTo("python: pip");

        Files.delete(fails);
        assertMadeAnew();
    }

    @Test
    void shouldSayThatThereIsNoNetworkWhenPipTriesInVain() throws IOException {
        python("python3", 12);
        Files.createFile(folder.resolve("pip-fails"));
        Files.createFile(folder.resolve("no-network"));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessageStartingWith("The package index can't be reached, so the packages of the mlx worker")
                .withMessageContaining("Behind a proxy set HTTPS_PROXY");
        assertThat(progress).as("what pip said").anyMatch(line -> line.contains("NewConnectionError"));
    }

    @Test
    void shouldLeaveNoMarkerWhenItDoesNotWork() throws IOException {
        python("python3", 12);
        Files.createFile(folder.resolve("verify-fails"));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessage("The new environment at " + environment + " does not work."
                        + " What to do: The lines above say why. Try `mlx4j setup mlx --force`.");
        assertThat(progress)
                .contains("  interpreter: %s ended with exit code 1: ImportError: libmlx.so"
                        .formatted(environment.resolve("bin/python")));
        assertThat(marker).doesNotExist();
    }

    @Test
    void shouldSayHowOldEachIsWhenEveryPythonIsTooOld() throws IOException {
        Path python3 = python("python3", 9);
        Path python = StubPython.printing(bin.resolve("python"), StubPython.report("2.7.18", ""));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessageStartingWith(python3 + " is Python 3.9.0, but the worker needs 3.11 or newer. " + python
                        + " is Python 2.7.18, but the worker needs 3.11 or newer. What to do: Install a newer Python")
                .satisfies(error -> assertThat(error.code()).isEqualTo("DEPENDENCY_MISSING"));
        assertThat(environment).doesNotExist();
    }

    @Test
    void shouldSayThatThereIsNoneWhenThereIsNoPython() {
        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(this::make)
                .withMessageStartingWith("There is no Python interpreter: none under " + folder)
                .withMessageContaining("Install Python 3.11 or newer (macOS: `brew install python`");
    }

    @Test
    void shouldPreferWhatTheUserWouldStart() throws IOException {
        python("python3", 12);
        python("python3.13", 13);

        make();

        assertThat(calls()).startsWith("python3: probe", "python3: venv " + environment);
    }

    @Test
    void shouldGoOnToTheNextWhenAPythonIsTooNew() throws IOException {
        python("python3", 15);
        python("python3.14", 14);

        make();

        assertThat(calls()).startsWith("python3: probe", "python3.14: probe", "python3.14: venv " + environment);
    }

    @Test
    void shouldGoOnToTheNextWhenAPythonIsTooOld() throws IOException {
        python("python3", 10);
        python("python", 11);

        make();

        assertThat(calls()).startsWith("python3: probe", "python: probe", "python: venv " + environment);
    }

    @Test
    void shouldTakeNoOtherWhenPythonPathNamesOne() throws IOException {
        python("python3", 12);
        Path named = StubPython.script(folder.resolve("elsewhere/mine"), stub(13));

        environments(named.toString()).make(ProviderKind.MLX, false);

        assertThat(calls()).startsWith("mine: probe", "mine: venv " + environment);
    }

    @Test
    void shouldTakeNoOtherWhenThePythonOfPythonPathIsTooOld() throws IOException {
        python("python3", 12);
        Path named = StubPython.script(folder.resolve("elsewhere/mine"), stub(10));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> environments(named.toString()).make(ProviderKind.MLX, false))
                .withMessageStartingWith(named + " is Python 3.10.0, but the worker needs 3.11 or newer. ");
    }

    @Test
    void shouldUseUvWhenItIsThere() throws IOException {
        Path python = python("python3", 12);
        StubPython.script(
                bin.resolve("uv"),
                "#!/bin/sh",
                "echo \"uv: $1 $2 $3 $4 $5\" >> '" + folder + "/calls'",
                "[ $1 = venv ] || exit 0",
                "mkdir -p \"$5/bin\"",
                "cp \"$4\" \"$5/bin/python\"");

        assertThat(make()).isEqualTo(READY.formatted(environment));

        assertThat(calls())
                .containsExactly(
                        "python3: probe",
                        "uv: venv --quiet --python " + python + " " + environment,
                        "uv: pip install --python " + environment + "/bin/python --require-hashes",
                        "python: seal annotated-doc",
                        "python: verify mlx");
        assertThat(progress).contains("mlx: making an environment with " + python + " and uv");
    }

    @Test
    void shouldRunEveryCommandIsolatedInAFolderOfItsOwn() throws IOException {
        variables.putAll(
                Map.of("PYTHONPATH", "/evil", "SECRET", "hunter2", "https_proxy", "PROXY", "PIP_INDEX_URL", "INDEX"));
        python("python3", 12);

        make();

        assertThat(Files.readAllLines(folder.resolve("told")))
                .hasSize(5)
                .allMatch(line -> line.contains(" isolated: "))
                .noneMatch(line -> line.contains("/evil") || line.contains("hunter2"))
                .noneMatch(line -> line.contains(" " + Path.of("").toAbsolutePath() + " "))
                .anyMatch(line -> line.matches("python pip isolated: /\\S+   PROXY INDEX "));
    }

    @Test
    void shouldTakeAnArm64PythonOnAppleSilicon() throws IOException {
        FakeMac mac = new FakeMac(folder.resolve("mac"));
        mac.python("/usr/local/bin/python3", "3.12", "x86_64", false);
        Environments environments = new Environments(
                FakeMac.NATIVE,
                new Interpreters(null, "", folder.resolve("home"), mac.folders(FakeMac.DOCK_PATH)),
                variables,
                progress::add);
        Files.createDirectories(environment);

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> environments.make(ProviderKind.MLX, false))
                .withMessageStartingWith(mac.at("/usr/local/bin/python3") + " runs as x86_64")
                .withMessageContaining("Install an arm64 Python");
        assertThat(environment).as("what was there").exists();
    }

    @Test
    void shouldRefuseAMacThatThePackagesHaveNoBuildsFor() {
        Environments old = environments(new Platform("Mac OS X", "aarch64", false, "13.6"), null);
        Environments intel = environments(new Platform("Mac OS X", "x86_64", false, "14.5"), null);

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> old.make(ProviderKind.MLX, false))
                .withMessageStartingWith("MLX needs macOS 14 or newer, but this is macOS 13.6.");
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> intel.make(ProviderKind.MLX, false))
                .withMessageStartingWith("MLX needs Apple silicon");
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> intel.make(ProviderKind.HF, false))
                .withMessageStartingWith("PyTorch, which the hf worker needs, has no current builds for Intel Macs.");
    }

    @Test
    void shouldRefuseWhenThisIsWindows() {
        Environments environments = environments(new Platform("Windows 11", "amd64", false), null);

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> environments.make(ProviderKind.MLX, false))
                .withMessage("The workers don't run on Windows. What to do: Use WSL.");
    }

    private String make() {
        return make(false);
    }

    private String make(boolean force) {
        return environments(null).make(ProviderKind.MLX, force);
    }

    private Environments environments(@Nullable String pythonPath) {
        return environments(LINUX, pythonPath);
    }

    private Environments environments(Platform platform, @Nullable String pythonPath) {
        Map<String, String> path = Map.of("PATH", bin.toString());
        Interpreters interpreters = new Interpreters(
                pythonPath, "PYTHON_PATH", folder.resolve("home"), new ProgramFolders(path, Path.of("/"), false));
        return new Environments(platform, interpreters, variables, progress::add);
    }

    private void assertMadeAnew() throws IOException {
        forget();
        assertThat(make()).isEqualTo(READY.formatted(environment));
        assertThat(progress)
                .contains("mlx: the environment at " + environment
                        + " is outdated, broken or half made; it is made anew");
        assertThat(calls()).contains("python3: venv " + environment, "python: pip", "python: verify mlx");
        assertThat(marker).exists();
    }

    private Path python(String name, int minor) throws IOException {
        return StubPython.script(bin.resolve(name), stub(minor));
    }

    private String[] stub(int minor) {
        return new String[] {
            "#!/bin/sh",
            "flags=; [ \"$1\" = -I ] && { flags=' isolated'; shift; }",
            "echo \"${0##*/} $2$flags: $PWD $(ls -A) $PYTHONPATH $https_proxy $PIP_INDEX_URL $SECRET\" >> '" + folder
                    + "/told'",
            "note() { echo \"${0##*/}: $1\" >> '" + folder + "/calls'; }",
            "case \"$1 $2\" in",
            "  '-m venv')",
            "    note \"venv $3\"",
            "    mkdir -p \"$3/bin\"",
            "    cp \"$0\" \"$3/bin/python\";;",
            "  '-m pip')",
            "    note pip",
            "    for last; do :; done",
            "    cp \"$last\" '" + folder + "/requirements'",
            "    if [ -e '" + folder + "/no-network' ]; then",
            "      echo \"WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(…)'\" >&2",
            "    fi",
            "    if [ -e '" + folder + "/pip-fails' ]; then echo 'ERROR: no network'; exit 1; fi",
            "    echo 'a warning of pip' >&2",
            "    echo 'Collecting mlx-lm==0.32.2 (from -r requirements)'",
            "    echo '  Downloading mlx_lm'",
            "    echo 'Collecting mlx'",
            "    echo 'Installing collected packages';;",
            "  '-X utf8')",
            "    if [ \"$5\" = seal ] || [ \"$5\" = check ]; then",
            "      note \"$5 $6\"",
            "      cat '" + folder + "/'\"$5\" 2>/dev/null || echo '[]'",
            "    elif [ \"$5\" = find ]; then",
            "      note probe",
            "      echo '"
                    + StubPython.ALL_WELL.replace("3,12,1", "3," + minor + ",0").replace("/stub", "'$0'") + "'",
            "    else",
            "      note \"verify $5\"",
            "      if [ -e '" + folder + "/verify-fails' ]; then echo 'ImportError: libmlx.so' >&2; exit 1; fi",
            "      echo '{\"steps\": [\"token\"]}'",
            "      echo '{\"name\": \"token\", \"status\": \"passed\", \"detail\": \"token 7 on the cpu\"}'",
            "    fi;;",
            "  *) exit 99;;",
            "esac"
        };
    }

    private void forget() throws IOException {
        Files.deleteIfExists(folder.resolve("calls"));
        progress.clear();
    }

    private List<String> calls() throws IOException {
        return Files.readAllLines(folder.resolve("calls"));
    }

    private static long packages() throws IOException {
        return Files.readAllLines(Path.of("python", "requirements", "mlx.txt")).stream()
                .filter(line -> line.contains("=="))
                .count();
    }
}
