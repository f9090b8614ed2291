package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BundledScriptsTest {

    private static final Path SOURCES = Path.of("python");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"mlx_worker.py", "hf_worker.py"})
    void shouldInstallEveryListedFileAsItIs(String entry) throws IOException {
        Path script = new BundledScripts(entry).install(folder);

        List<String> listed = Files.readAllLines(SOURCES.resolve("worker-files.txt"));
        assertThat(installed()).containsExactlyInAnyOrderElementsOf(listed);
        assertThat(listed)
                .contains(entry)
                .allSatisfy(name -> assertThat(folder.resolve(name)).hasSameBinaryContentAs(SOURCES.resolve(name)));
        assertThat(script).isEqualTo(folder.resolve(entry));
    }

    @Test
    void shouldUseTheCopyOfAnEnvironment() throws IOException {
        Path environment = Files.createDirectory(folder.resolve("env"));
        Path unused = folder.resolve("unused");
        Files.createDirectories(environment.resolve(BundledScripts.COPY));
        Files.writeString(environment.resolve(BundledScripts.COPY).resolve("old.py"), "");
        BundledScripts.copyInto(environment);

        assertThat(new BundledScripts("hf_worker.py").install(unused, environment.resolve("bin/python")))
                .isEqualTo(environment.resolve("mlx4j/hf_worker.py"))
                .hasSameBinaryContentAs(SOURCES.resolve("hf_worker.py"));
        assertThat(environment.resolve("mlx4j/old.py")).doesNotExist();
        assertThat(unused).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# of another version"})
    void shouldNotUseACopyOfAnotherVersion(String content) throws IOException {
        Path environment = Files.createDirectory(folder.resolve("env"));
        BundledScripts.copyInto(environment);
        Path script = environment.resolve("mlx4j/mlx4j_worker/wire.py");
        Files.delete(script);
        if (!content.isEmpty()) {
            Files.writeString(script, content);
        }
        Path own = folder.resolve("own");

        assertThat(new BundledScripts("hf_worker.py").install(own, environment.resolve("bin/python")))
                .isEqualTo(own.resolve("hf_worker.py"));
    }

    @Test
    void shouldWriteTheScriptsForAnInterpreterWithoutACopy() throws IOException {
        Path own = folder.resolve("own");

        assertThat(new BundledScripts("mlx_worker.py").install(own, folder.resolve("bin/python")))
                .isEqualTo(own.resolve("mlx_worker.py"))
                .exists();
    }

    @Test
    void shouldLeaveAFileAloneWhenItIsThereAlready() throws IOException {
        Path planted = Files.createDirectories(folder.resolve("mlx4j_worker")).resolve("wire.py");
        Files.writeString(planted, "planted");

        assertThatExceptionOfType(FileAlreadyExistsException.class)
                .isThrownBy(() -> new BundledScripts("mlx_worker.py").install(folder))
                .withMessageContaining("wire.py");
        assertThat(planted).hasContent("planted");
    }

    @Test
    void shouldReadATextFromBesideTheWorkers() throws IOException {
        assertThat(BundledScripts.text("probe.py")).isEqualTo(Files.readString(SOURCES.resolve("probe.py")));
    }

    @Test
    void shouldPutTheGuardOfEnvironmentsBeforeTheLookForPackages() throws IOException {
        assertThat(BundledScripts.probe())
                .startsWith("INSTALLED = \"")
                .contains("def guard() -> None:")
                .endsWith("\n" + Files.readString(SOURCES.resolve("probe.py")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"verify_install.py", "environment_files.py"})
    void shouldPutWhatACheckNeedsBeforeIt(String name) throws IOException {
        assertThat(BundledScripts.check(name))
                .isEqualTo(Files.readString(SOURCES.resolve("mlx4j_worker/hf/devices.py")) + "\n"
                        + Files.readString(SOURCES.resolve("mlx4j_worker/installed.py")) + "\n"
                        + Files.readString(SOURCES.resolve(name)));
    }

    @Test
    void shouldSayWhichFileIsMissingWhenTheJarLacksIt() {
        assertThatExceptionOfType(FileNotFoundException.class)
                .isThrownBy(() -> BundledScripts.text("nothing.py"))
                .withMessage("The mlx4j jar lacks /io/github/mlx4j/python/nothing.py");
    }

    private List<String> installed() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> folder.relativize(file).toString())
                    .toList();
        }
    }
}
