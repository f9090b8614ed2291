package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.FakeMac;
import io.github.mlx4j.StubPython;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgramFoldersTest {

    @TempDir
    private Path root;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/usr/bin",
                "/opt/homebrew/bin",
                "/usr/local/bin",
                "/opt/local/bin",
                "/Users/me/.local/bin",
                "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none/bin",
                "/Users/me/.pyenv/versions/3.12.4/bin",
                "/Users/me/miniforge3/bin",
                "/Users/me/miniconda3/bin",
                "/Users/me/anaconda3/bin",
                "/opt/homebrew/Caskroom/miniforge/base/bin",
                "/opt/anaconda3/bin",
                "/Library/Frameworks/Python.framework/Versions/3.12/bin"
            })
    void shouldSearchTheUsualFoldersWhenThePathIsTheDocks(String folder) throws IOException {
        FakeMac mac = new FakeMac(root);
        Path program = StubPython.script(mac.at(folder + "/macmon"), "#!/bin/sh");

        assertThat(mac.folders(FakeMac.DOCK_PATH).find("macmon")).contains(program);
    }

    @Test
    void shouldPreferThePath() throws IOException {
        FakeMac mac = new FakeMac(root);
        StubPython.script(mac.at("/opt/homebrew/bin/macmon"), "#!/bin/sh");
        Path own = StubPython.script(mac.at("/Users/me/tools/macmon"), "#!/bin/sh");

        assertThat(mac.folders("/usr/bin::/Users/me/tools").find("macmon")).contains(own);
    }

    @Test
    void shouldFollowTheVariablesThatMoveFolders() throws IOException {
        FakeMac mac = new FakeMac(root);
        Files.createDirectories(mac.at("/big/uv/cpython-3.13/bin"));
        Files.createDirectories(mac.at("/big/pyenv/versions/3.12/bin"));
        Files.createDirectories(mac.at("/big/conda/bin"));
        Files.createDirectories(mac.at("/Users/me/.pyenv/versions/3.11/bin"));

        assertThat(mac.folders(
                                FakeMac.DOCK_PATH,
                                "UV_PYTHON_INSTALL_DIR",
                                "/big/uv",
                                "PYENV_ROOT",
                                "/big/pyenv",
                                "CONDA_PREFIX",
                                "/big/conda")
                        .elsewhere())
                .containsExactly(
                        mac.at("/big/uv/cpython-3.13/bin"),
                        mac.at("/big/pyenv/versions/3.12/bin"),
                        mac.at("/big/conda/bin"));
    }

    @Test
    void shouldSearchWhatLinuxHasWhenItIsLinux() throws IOException {
        FakeMac mac = new FakeMac(root);
        for (String folder : new String[] {
            "/opt/homebrew/bin",
            "/usr/local/bin",
            "/Library/Frameworks/Python.framework/Versions/3.12/bin",
            "/home/me/.local/bin"
        }) {
            Files.createDirectories(mac.at(folder));
        }

        assertThat(new ProgramFolders(Map.of("HOME", "/home/me"), root, false).elsewhere())
                .containsExactly(mac.at("/home/me/.local/bin"));
        assertThat(new ProgramFolders(Map.of(), root, false).elsewhere()).isEmpty();
    }

    @Test
    void shouldTakeNeitherAFolderNorAPlainFileForAProgram() throws IOException {
        FakeMac mac = new FakeMac(root);
        Files.createDirectories(mac.at("/usr/bin/uv"));
        Files.createDirectories(mac.at("/bin"));
        Files.createFile(mac.at("/bin/uv"));

        assertThat(mac.folders(FakeMac.DOCK_PATH).find("uv")).isEmpty();
    }

    @Test
    void shouldKeepNoOtherVariable() {
        assertThat(new ProgramFolders(Map.of("PATH", "/bin", "SECRET", "hunter2"), root, true).toString())
                .doesNotContain("hunter2");
    }
}
