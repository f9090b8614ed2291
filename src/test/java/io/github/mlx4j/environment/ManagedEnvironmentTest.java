package io.github.mlx4j.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.StubPython;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ManagedEnvironmentTest {

    private static final Platform LINUX = new Platform("Linux", "amd64", false);
    private static final String SITE = "lib/python3.12/site-packages";

    @TempDir
    private Path folder;

    private Path environment;
    private Path site;
    private Path runs;

    @BeforeEach
    void makeAnEnvironment() throws IOException {
        environment = folder.resolve("home/envs/hf");
        site = Files.createDirectories(environment.resolve(SITE));
        runs = folder.resolve("runs");
        Path base = StubPython.script(
                folder.resolve("base/python3.12"),
                "#!/bin/sh",
                "echo run >> " + runs,
                "echo '" + StubPython.ALL_WELL + "'");
        Files.createDirectories(environment.resolve("bin"));
        Files.createSymbolicLink(environment.resolve("bin/python"), base); // as venv, uv and Homebrew have it
        Files.writeString(environment.resolve("pyvenv.cfg"), "home = /usr/bin\n");
        Files.writeString(site.resolve("six.py"), "x = 1\n");
        Files.createDirectories(site.resolve("torch"));
        Files.createDirectories(site.resolve("__pycache__"));
        Files.createDirectories(environment.resolve("mlx4j/__pycache__"));
        Files.writeString(environment.resolve("mlx4j/mlx_worker.py"), "import os\n");
        Files.writeString(environment.resolve("mlx4j/__pycache__/mlx_worker.pyc"), "bytecode");
        Files.write(
                environment.resolve(ManagedEnvironment.FILE_LIST),
                List.of(
                        SITE + "/\t",
                        SITE + "/torch/\t",
                        "bin/python\t-> " + base,
                        listed("pyvenv.cfg"),
                        listed("mlx4j/mlx_worker.py"),
                        listed("mlx4j/__pycache__/mlx_worker.pyc"),
                        listed(SITE + "/six.py"),
                        "",
                        SITE + "/torch/not_looked_at.py\t1 1"));
    }

    @Test
    void shouldRunAnEnvironmentThatIsAsItWasMade() throws IOException {
        Files.createFile(site.resolve("._six.py")); // macOS, on a volume without extended attributes

        assertThat(probe(null).check().isReady()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"evil.pth", "sitecustomize.py", "usercustomize.py", "extra.py", "._six.pth", "torch.so"})
    void shouldRunNothingWhenAFileWasAdded(String name) throws IOException {
        Files.writeString(site.resolve(name), "import os");

        assertChanged(site.resolve(name) + " was added");
    }

    @ParameterizedTest
    @ValueSource(strings = {SITE + "/six.py", "mlx4j/mlx_worker.py", "mlx4j/__pycache__/mlx_worker.pyc"})
    void shouldRunNothingWhenAFileWasChanged(String name) throws IOException {
        Files.writeString(environment.resolve(name), "x = 22 # longer\n");

        assertChanged(environment.resolve(name) + " was changed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"json.py", "__pycache__/json.pyc", "json/__init__.py"})
    void shouldRunNothingWhenAFileWasAddedToTheScripts(String name) throws IOException {
        Path added = environment.resolve("mlx4j").resolve(name);
        Files.createDirectories(added.getParent());
        Files.writeString(added, "import os");

        assertChanged(added + " was added");
    }

    @Test
    void shouldRunNothingWhenAFileHasAnotherTime() throws IOException {
        Files.setLastModifiedTime(environment.resolve("pyvenv.cfg"), FileTime.fromMillis(0));

        assertChanged(environment.resolve("pyvenv.cfg") + " was changed");
    }

    @Test
    void shouldRunNothingWhenItsInterpreterIsAnotherOne() throws IOException {
        Files.delete(environment.resolve("bin/python"));
        StubPython.printing(environment.resolve("bin/python"), StubPython.ALL_WELL);

        assertChanged(environment.resolve("bin/python") + " was changed");
    }

    @Test
    void shouldSayThatAModuleWasChangedWhichTheLookForPackagesRefused() throws IOException {
        String report = StubPython.ALL_WELL.replace(
                "\"broken\": {}", "\"broken\": {\"torch\": \"ChangedFile: x.py was added or changed\"}");
        assertThat(report).isNotEqualTo(StubPython.ALL_WELL);
        StubPython.script(folder.resolve("base/python3.12"), "#!/bin/sh", "echo '" + report + "'");

        assertThat(probe(null).check())
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        not -> assertThat(not.code()).isEqualTo(Reason.ENVIRONMENT_CHANGED));
    }

    @Test
    void shouldLookAgainBeforeEachStart() throws IOException {
        WorkerProbe probe = probe(null);
        assertThat(probe.check().isReady()).isTrue();

        Files.writeString(site.resolve("evil.pth"), "import os");

        assertThat(probe.check())
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        not -> assertThat(not.code()).isEqualTo(Reason.ENVIRONMENT_CHANGED));
        assertThat(runs).hasContent("run");
    }

    @Test
    void shouldRunAnEnvironmentOfAnOlderVersionThatHasNoList() throws IOException {
        Files.delete(environment.resolve(ManagedEnvironment.FILE_LIST));
        Files.writeString(site.resolve("distutils-precedence.pth"), "");

        assertThat(probe(null).check().isReady()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "bin", "lib", "lib/python3.12", SITE, "mlx4j"})
    void shouldRefuseAnEnvironmentThatOthersCanWriteTo(String part) throws IOException {
        Path open = environment.resolve(part).normalize();
        for (String mode : new String[] {"rwxrwxr-x", "rwxr-xrwx"}) {
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString(mode));

            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> probe(null).check())
                    .withMessageContaining("Other users can write to " + open + " (" + mode + ")")
                    .withMessageContaining("Run `chmod -R go-w " + open + "`")
                    .satisfies(error -> assertThat(error.fault()).isEqualTo(Fault.SETUP));
        }
        assertThat(runs).doesNotExist();
    }

    @Test
    void shouldCheckItWhenPythonPathNamesIt() throws IOException {
        Files.writeString(site.resolve("evil.pth"), "import os");

        assertThat(probe(environment.resolve("bin/python").toString()).check().isReady())
                .isFalse();
    }

    @Test
    void shouldNotCheckAnInterpreterOfTheUser() throws IOException {
        Path own = StubPython.printing(folder.resolve("own/bin/python"), StubPython.ALL_WELL);
        Files.setPosixFilePermissions(own.getParent(), PosixFilePermissions.fromString("rwxrwxr-x"));

        assertThat(probe(own.toString()).check().isReady()).isTrue();
    }

    @Test
    void shouldWarnOfAnEnvironmentThatIsNotChecked() throws IOException {
        Path python = environment.resolve("bin/python");
        assertThat(probe(null).warning(python)).isEmpty();

        Files.delete(environment.resolve(ManagedEnvironment.FILE_LIST));

        assertThat(probe(null).warning(python))
                .hasValueSatisfying(warning ->
                        assertThat(warning).contains("An older mlx4j made this environment", "Run `mlx4j setup hf`"));
    }

    @Test
    void shouldWarnOfAnInterpreterThatEverybodyCanWriteTo() throws IOException {
        Path own = StubPython.printing(folder.resolve("own/bin/python"), StubPython.ALL_WELL);
        Files.setPosixFilePermissions(own.getParent(), PosixFilePermissions.fromString("rwxrwxr-x")); // Homebrew's
        assertThat(probe(own.toString()).warning(own)).isEmpty();

        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwxrwx"));

        assertThat(probe(own.toString()).warning(own))
                .contains("Every user of this machine can write to " + own + ", and so change what the worker runs.");
    }

    private void assertChanged(String how) {
        assertThat(probe(null).check()).isInstanceOfSatisfying(Availability.Unavailable.class, not -> {
            assertThat(not.code()).isEqualTo(Reason.ENVIRONMENT_CHANGED);
            assertThat(not.reason()).contains(environment.toString()).contains(how);
            assertThat(not.fix()).isEqualTo("Run `mlx4j setup hf --force`, which recreates it.");
        });
        assertThat(runs).as("what ran").doesNotExist();
    }

    private WorkerProbe probe(@Nullable String named) {
        Map<String, String> nowhere = Map.of("PATH", folder.resolve("none").toString());
        return new WorkerProbe(
                ProviderKind.HF,
                LINUX,
                false,
                new Interpreters(
                        named,
                        "PYTHON_PATH",
                        folder.resolve("home"),
                        new ProgramFolders(nowhere, Path.of("/"), false)));
    }

    private String listed(String path) throws IOException {
        Path file = environment.resolve(path);
        return "%s\t%d %d"
                .formatted(
                        path, Files.size(file), Files.getLastModifiedTime(file).to(TimeUnit.SECONDS));
    }
}
