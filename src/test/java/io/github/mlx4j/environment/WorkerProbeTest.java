package io.github.mlx4j.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.api.AbstractStringAssert;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkerProbeTest {

    private static final Platform APPLE_SILICON = new Platform("Mac OS X", "aarch64", false);
    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final Platform WINDOWS = new Platform("Windows 11", "amd64", false);
    private static final Platform INTEL_MAC = new Platform("Mac OS X", "x86_64", false);

    @TempDir
    private Path folder;

    private long now;

    @Test
    void shouldBeReadyWhenAllIsThere() throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"), StubPython.report("3.12.1", "\"mlx\": \"0.32.0\", \"mlx-lm\": \"0.32.2\""));

        assertThat(mlx(APPLE_SILICON, python).check())
                .isEqualTo(new Availability.Ready(python, "3.12.1", Map.of("mlx", "0.32.0", "mlx-lm", "0.32.2")));
    }

    @Test
    void shouldNeedMacOsWhenTheKindIsMlx() {
        assertUnavailable(mlx(LINUX, "nowhere"), Reason.NOT_MACOS)
                .isEqualTo("MLX is made for macOS on Apple silicon, but this is Linux on amd64. | Use another provider"
                        + " here (hf runs everywhere). Or set MLX4J_ALLOW_ANY_PLATFORM=true to use MLX's own builds for"
                        + " this platform, if there are any.");
    }

    @Test
    void shouldNeedAppleSiliconWhenTheKindIsMlx() {
        assertUnavailable(mlx(INTEL_MAC, "nowhere"), Reason.NOT_ARM64)
                .isEqualTo("MLX needs Apple silicon (aarch64), but this Mac's processor is x86_64."
                        + " | Use another provider on this Mac, such as ollama. PyTorch, which hf needs, has no"
                        + " current builds for Intel Macs either.");
    }

    @Test
    void shouldNeedMacOs14WhenTheKindIsMlx() {
        assertUnavailable(mlx(new Platform("Mac OS X", "aarch64", false, "13.7.1"), "nowhere"), Reason.MACOS_TOO_OLD)
                .isEqualTo("MLX needs macOS 14 or newer, but this is macOS 13.7.1."
                        + " | Update macOS, or use another provider here, such as hf.");
        assertThat(new Platform("Mac OS X", "x86_64", true, "12").whyNotForMlx())
                .get()
                .extracting(Availability.Unavailable::code)
                .isEqualTo(Reason.MACOS_TOO_OLD);
    }

    @ParameterizedTest
    @ValueSource(strings = {"14.0", "14", "15.1", "26.2", "10.16", "", "unknown"})
    void shouldTakeAMacWhoseVersionIsNewEnoughOrNotKnown(String version) {
        assertThat(new Platform("Mac OS X", "aarch64", false, version).whyNotForMlx())
                .isEmpty();
        assertThat(new Platform("Mac OS X", "x86_64", true, version).whyNotForMlx())
                .isEmpty();
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseWindowsWhateverIsAllowed(ProviderKind kind) {
        assertUnavailable(new WorkerProbe(kind, WINDOWS, true, named("nowhere")), Reason.WINDOWS)
                .isEqualTo("The workers don't run on Windows. | Use another provider, or WSL.");
    }

    @Test
    void shouldTakeAnyPlatformWhenItIsAllowed() throws IOException {
        Path python = StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL);

        for (Platform platform : new Platform[] {LINUX, INTEL_MAC, APPLE_SILICON}) {
            assertThat(new WorkerProbe(ProviderKind.MLX, platform, true, named(python.toString()))
                            .check()
                            .isReady())
                    .isTrue();
        }
    }

    @Test
    void shouldTakeAnyPlatformWhenTheKindIsHf() throws IOException {
        Path python = StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL);

        for (Platform platform : new Platform[] {LINUX, INTEL_MAC, APPLE_SILICON}) {
            assertThat(hf(platform, python).check().isReady()).isTrue();
        }
    }

    @Test
    void shouldBeThePlatformOfThisJvmWhenItIsTheCurrent() {
        assertThat(Platform.current())
                .satisfies(platform -> assertThat(platform.os()).isEqualTo(System.getProperty("os.name")))
                .satisfies(platform -> assertThat(platform.arch()).isEqualTo(System.getProperty("os.arch")))
                .satisfies(platform -> assertThat(platform.isWindows()).isFalse());
    }

    @Test
    void shouldNameTheSettingWhenItsInterpreterIsMissing() {
        Path nowhere = folder.resolve("nowhere");

        assertUnavailable(mlx(APPLE_SILICON, nowhere), Reason.PYTHON_NOT_FOUND)
                .isEqualTo("There is no Python interpreter at " + nowhere + ", which PYTHON_PATH names."
                        + " | Correct PYTHON_PATH, or unset it and run `mlx4j setup mlx`.");
    }

    @Test
    void shouldSayWhereItLookedWhenThereIsNoInterpreter() {
        assertUnavailable(onPath(folder.toString()), Reason.PYTHON_NOT_FOUND)
                .isEqualTo("There is no Python interpreter: none under " + folder
                        + "/home/envs, on the PATH, or where Homebrew, uv, pyenv, conda and python.org install it."
                        + " | Install Python 3.11 or newer (macOS: `brew install python`, Debian: `apt install python3"
                        + " python3-venv`) and run `mlx4j setup hf`, or name one in PYTHON_PATH.");
    }

    @Test
    void shouldTakeNoFolderForAnInterpreter() throws IOException {
        Files.createDirectories(folder.resolve("bin/python3"));
        Path python = StubPython.printing(folder.resolve("bin/python"), StubPython.ALL_WELL);

        assertThat(onPath(folder.resolve("bin").toString()).check())
                .asInstanceOf(type(Availability.Ready.class))
                .extracting(Availability.Ready::interpreter)
                .isEqualTo(python);
    }

    @ParameterizedTest
    @CsvSource({"3.9.6, 3.9.6", "3.10.14, 3.10.14", "2.7.18, 2.7.18"})
    void shouldSayHowOldPythonIsWhenItIsTooOld(String version, String text) throws IOException {
        Path python = StubPython.printing(folder.resolve("stub"), StubPython.report(version, ""));

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PYTHON_TOO_OLD)
                .isEqualTo(python + " is Python " + text + ", but mlx-lm needs 3.11 or newer."
                        + " | Install a newer Python and run `mlx4j setup mlx`, or name one in PYTHON_PATH.");
        assertUnavailable(hf(LINUX, python), Reason.PYTHON_TOO_OLD).contains("but transformers needs 3.11 or newer");
    }

    @Test
    void shouldCiteItsErrorsWhenTheInterpreterDoesNotRun() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"),
                "#!/bin/sh",
                "echo 'dyld: Library not loaded' >&2",
                "echo Aborted >&2",
                "exit 134");

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PYTHON_BROKEN)
                .isEqualTo("The Python interpreter " + python
                        + " ended with exit code 134: dyld: Library not loaded Aborted."
                        + " | PYTHON_PATH names it: correct that, or unset it and run `mlx4j setup`.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Hello", "", "{", "{}", "[]", "{\"version\": [3, 12, 1]}", "{\"version\": \"3.12\"}"})
    void shouldBeBrokenWhenTheInterpreterSaysSomethingElse(String output) throws IOException {
        Path python = StubPython.printing(folder.resolve("stub"), output);

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PYTHON_BROKEN)
                .startsWith("The Python interpreter " + python
                        + " did not print what Python would print when asked for its packages.");
    }

    @Test
    void shouldBeBrokenWhenTheInterpreterIsNoProgram() throws IOException {
        Path python = StubPython.script(folder.resolve("stub"), "#!/no/such/shell");

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PYTHON_BROKEN)
                .startsWith("The Python interpreter " + python + " could not be asked: Cannot run program")
                .as("neither the script nor the environment is in it")
                .hasSizeLessThan(500);
    }

    @Test
    void shouldFindTheReportWhenSomethingIsPrintedBeforeIt() throws IOException {
        Path python =
                StubPython.printing(folder.resolve("stub"), "A new version is available!\n\n" + StubPython.ALL_WELL);

        assertThat(mlx(APPLE_SILICON, python).check().isReady()).isTrue();
    }

    @Test
    void shouldNameThePackageWhenItIsMissing() throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"),
                StubPython.ALL_WELL.replace("\"missing\": []", "\"missing\": [\"mlx.core\", \"mlx_lm\"]"));

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PACKAGE_MISSING)
                .isEqualTo(python + " has no mlx.core, mlx_lm."
                        + " | Run `mlx4j setup mlx`, or name an interpreter that has it in PYTHON_PATH.");
    }

    @Test
    void shouldSayThatWorkersAreIsolatedWhenThePackageIsTheUsersOwn() throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"),
                StubPython.ALL_WELL
                        .replace("\"missing\": []", "\"missing\": [\"torch\", \"transformers\"]")
                        .replace("\"userOnly\": []", "\"userOnly\": [\"transformers\"]"));

        assertUnavailable(hf(LINUX, python), Reason.PACKAGE_USER_ONLY)
                .isEqualTo(python + " has transformers only in the user's own site-packages (pip install --user),"
                        + " where an isolated worker does not look."
                        + " | Run `mlx4j setup hf`, which creates a separate environment.");
    }

    @Test
    void shouldSayWhyWhenThePackageCannotBeImported() throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"),
                StubPython.ALL_WELL.replace(
                        "\"broken\": {}", "\"broken\": {\"mlx.core\": \"ImportError: libmlx.so\"}"));

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PACKAGE_BROKEN)
                .isEqualTo(python + " can't import {mlx.core=ImportError: libmlx.so}."
                        + " | Run `mlx4j setup mlx`, which repairs the managed environment.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.32.1", "0.31.9", "0.32", "0", "0.32.1rc3", "0.32.dev0"})
    void shouldSayWhichVersionIsNeededWhenThePackageIsTooOld(String version) throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"), StubPython.report("3.12.1", "\"mlx-lm\": \"" + version + "\""));

        assertUnavailable(mlx(APPLE_SILICON, python), Reason.PACKAGE_TOO_OLD)
                .isEqualTo(python + " has mlx-lm " + version + ", but the worker needs 0.32.2 or newer."
                        + " | Run `mlx4j setup mlx`, or upgrade it.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.32.2", "0.32.3", "0.32.10", "0.33", "1", "0.32.2.post1", "0.32.2+local"})
    void shouldBeReadyWhenThePackageIsNewEnough(String version) throws IOException {
        Path python = StubPython.printing(
                folder.resolve("stub"), StubPython.report("3.12.1", "\"mlx-lm\": \"" + version + "\""));

        assertThat(mlx(APPLE_SILICON, python).check().isReady()).isTrue();
    }

    @Test
    void shouldAskOnceWhenItIsReady() throws IOException {
        WorkerProbe probe = mlx(APPLE_SILICON, StubPython.withFakeWorker(folder.resolve("stub")));

        assertThat(probe.check()).isSameAs(probe.check());
        assertThat(folder.resolve("calls")).hasContent("probe");
    }

    @Test
    void shouldKeepANegativeAnswerForAWhile() throws IOException {
        Path python = folder.resolve("stub");
        WorkerProbe probe = new WorkerProbe(ProviderKind.HF, LINUX, false, named(python.toString()), () -> now);
        assertUnavailable(probe, Reason.PYTHON_NOT_FOUND);
        StubPython.printing(python, StubPython.report("3.9.6", ""));

        now += WorkerProbe.NEGATIVE_CACHE.toNanos() - 1;
        assertUnavailable(probe, Reason.PYTHON_NOT_FOUND);
        now += 1;
        assertUnavailable(probe, Reason.PYTHON_TOO_OLD);
        StubPython.printing(python, StubPython.ALL_WELL);
        assertUnavailable(probe, Reason.PYTHON_TOO_OLD);
        now += WorkerProbe.NEGATIVE_CACHE.toNanos();
        assertThat(probe.check().isReady()).isTrue();
    }

    @Test
    void shouldLookAnewWhenAskedForImports() throws IOException {
        Path python = folder.resolve("stub");
        WorkerProbe probe = hf(LINUX, python);
        assertUnavailable(probe, Reason.PYTHON_NOT_FOUND);
        StubPython.printing(python, StubPython.ALL_WELL);

        assertThat(probe.checkImports().isReady()).isTrue();
        assertThat(probe.check().isReady())
                .as("the negative answer is outdated")
                .isTrue();
    }

    @Test
    void shouldBeCancelledAndKeepNothingWhenTheThreadIsInterrupted() throws Exception {
        Path asked = folder.resolve("asked");
        Path python =
                StubPython.script(folder.resolve("stub"), "#!/bin/sh", "echo $$ > '" + asked + "'", "exec sleep 600");
        WorkerProbe probe = hf(LINUX, python);
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                probe.check();
            } catch (CancelledException cancelled) {
                ended.complete(Thread.currentThread().isInterrupted() ? cancelled : null);
            }
        });
        caller.start();
        await().until(() -> Files.exists(asked));
        caller.interrupt();

        assertThat(ended.get()).isInstanceOf(CancelledException.class);
        StubPython.printing(python, StubPython.ALL_WELL);
        assertThat(probe.check().isReady()).isTrue();
    }

    @Test
    void shouldBeCancelledWhenTheThreadWasInterruptedBefore() {
        WorkerProbe probe = hf(LINUX, folder.resolve("nowhere"));
        Thread.currentThread().interrupt();

        assertThatExceptionOfType(CancelledException.class).isThrownBy(probe::check);
        assertThat(Thread.interrupted()).isTrue();
        assertUnavailable(probe, Reason.PYTHON_NOT_FOUND);
    }

    @Test
    void shouldReadTheReportAfterAnyAmountOfOutput() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"),
                "#!/bin/sh",
                "head -c 50000000 /dev/zero | tr '\\0' x",
                "head -c 50000000 /dev/zero | tr '\\0' x >&2",
                "echo",
                "echo '" + StubPython.ALL_WELL + "'");

        assertThat(hf(LINUX, python).check().isReady()).isTrue();
    }

    @Test
    void shouldCutItsErrorsWhenTheyHaveNoEnd() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"), "#!/bin/sh", "head -c 5000000 /dev/zero | tr '\\0' x >&2", "exit 1");

        assertUnavailable(hf(LINUX, python), Reason.PYTHON_BROKEN).hasSizeLessThan(2000);
    }

    @Test
    void shouldImportForRealWhenAskedForImports() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"),
                "#!/bin/sh",
                "echo \"$1 $2 $3 $4 $6 $7 $8\" >> " + folder.resolve("calls"),
                "echo '" + StubPython.ALL_WELL + "'");
        WorkerProbe probe = mlx(APPLE_SILICON, python);

        probe.check();
        probe.checkImports();
        hf(LINUX, python).checkImports();

        assertThat(folder.resolve("calls")).hasContent("""
                        -I -X utf8 -c find mlx.core mlx_lm
                        -I -X utf8 -c import mlx.core mlx_lm
                        -I -X utf8 -c import torch transformers
                        """);
    }

    @Test
    void shouldPreferTheNamedThenTheManagedThenPython3ThenPython() throws IOException {
        Path named = StubPython.printing(folder.resolve("named/stub"), StubPython.ALL_WELL);
        Path managed =
                StubPython.printing(Interpreters.managed(folder.resolve("home"), ProviderKind.HF), StubPython.ALL_WELL);
        Path python3 = StubPython.printing(folder.resolve("second/python3"), StubPython.ALL_WELL);
        Path python = StubPython.printing(folder.resolve("first/python"), StubPython.ALL_WELL);
        String path = folder.resolve("first") + "::" + folder.resolve("second");

        assertThat(interpreter(named.toString(), path)).isEqualTo(named);
        assertThat(interpreter(null, path)).isEqualTo(managed).isEqualTo(folder.resolve("home/envs/hf/bin/python"));
        Files.delete(managed);
        assertThat(interpreter(null, path)).isEqualTo(python3);
        Files.delete(python3);
        assertThat(interpreter(null, path)).isEqualTo(python);
    }

    @Test
    void shouldLookOnThePathWhenTheNamedInterpreterIsAProgram() throws IOException {
        Path python = StubPython.printing(folder.resolve("bin/python3.12"), StubPython.ALL_WELL);

        assertThat(interpreter("python3.12", folder.resolve("bin").toString())).isEqualTo(python);
    }

    @Test
    void shouldGiveAnAbsolutePathWhenTheNamedInterpreterIsRelative() throws IOException {
        Path python = StubPython.printing(folder.resolve("stub"), StubPython.ALL_WELL);
        String relative =
                Path.of("").toAbsolutePath().relativize(python.toAbsolutePath()).toString();

        assertThat(interpreter(relative, "").toAbsolutePath())
                .isAbsolute()
                .satisfies(found -> assertThat(Files.isSameFile(found, python)).isTrue());
    }

    @Test
    void shouldUnderstandARealInterpreterWhenItLacksTheModules() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"),
                "#!/bin/sh",
                "exec '" + FakeWorker.python()
                        + "' -I -X utf8 -c \"$5\" \"$6\" surely_missing surely.missing.too json");

        assertUnavailable(hf(LINUX, python), Reason.PACKAGE_MISSING)
                .startsWith(python + " has no surely_missing, surely.missing.too.");
    }

    @Test
    void shouldUnderstandARealInterpreterWhenTheModuleIsTheUsersOwn() throws IOException {
        Path python = StubPython.script(
                folder.resolve("stub"),
                "#!/bin/sh",
                "HOME='" + folder + "'",
                "export HOME",
                "site=$('" + FakeWorker.python() + "' -I -c 'import site; print(site.getusersitepackages())')",
                "mkdir -p \"$site/surely_missing\"",
                "exec '" + FakeWorker.python() + "' -I -X utf8 -c \"$5\" \"$6\" surely_missing");

        assertUnavailable(hf(LINUX, python), Reason.PACKAGE_USER_ONLY)
                .startsWith(python + " has surely_missing only in the user's own site-packages");
    }

    private WorkerProbe mlx(Platform platform, Path interpreter) {
        return mlx(platform, interpreter.toString());
    }

    private WorkerProbe mlx(Platform platform, String interpreter) {
        return new WorkerProbe(ProviderKind.MLX, platform, false, named(interpreter));
    }

    private WorkerProbe hf(Platform platform, Path interpreter) {
        return new WorkerProbe(ProviderKind.HF, platform, false, named(interpreter.toString()));
    }

    private WorkerProbe onPath(String path) {
        return new WorkerProbe(
                ProviderKind.HF, LINUX, false, new Interpreters(null, "", folder.resolve("home"), folders(path)));
    }

    private Interpreters named(String interpreter) {
        return new Interpreters(interpreter, "PYTHON_PATH", folder.resolve("home"), folders(""));
    }

    private static ProgramFolders folders(String path) {
        return new ProgramFolders(Map.of("PATH", path), Path.of("/"), false);
    }

    private Path interpreter(@Nullable String named, String path) {
        Interpreters interpreters = new Interpreters(named, "PYTHON_PATH", folder.resolve("home"), folders(path));
        Availability found = new WorkerProbe(ProviderKind.HF, LINUX, false, interpreters).check();
        assertThat(found).isInstanceOf(Availability.Ready.class);
        return ((Availability.Ready) found).interpreter();
    }

    /** Checks that it is unavailable with this code, and gives what it says: the reason, a bar, the fix. */
    private static AbstractStringAssert<?> assertUnavailable(WorkerProbe probe, Reason code) {
        Availability found = probe.check();
        assertThat(found).isInstanceOf(Availability.Unavailable.class);
        Availability.Unavailable not = (Availability.Unavailable) found;
        assertThat(not.code()).as(not.toString()).isEqualTo(code);
        return assertThat(not.reason() + " | " + not.fix());
    }
}
