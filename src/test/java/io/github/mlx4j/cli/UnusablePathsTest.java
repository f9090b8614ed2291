package io.github.mlx4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that commands report unusable folders in one line. Each runs in a separate JVM, because the folders are
 * determined when a JVM starts.
 */
@Timeout(120)
class UnusablePathsTest {

    private static final String LOCALE_FIX = "Start Java with a UTF-8 locale, such as LC_ALL=C.UTF-8";

    private final Map<String, String> variables = new HashMap<>(Map.of("MLX4J_ALLOW_ANY_PLATFORM", "true"));
    private final List<String> options = new ArrayList<>();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "setup mlx",
                "doctor",
                "generate Hi",
                "models pull org/name",
                "train --model org/name --data pom.xml --epochs 1 --output target/none"
            })
    void shouldSayThatTheHomeIsAFile(String command) throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        variables.put("MLX4J_HOME", file.resolve("home").toString());

        assertThat(run(command.split(" ")))
                .isEqualTo(
                        "mlx4j: INVALID_CONFIGURATION: MLX4J_HOME is " + file + "/home, but " + file
                                + " is not a folder. What to do: Set MLX4J_HOME to a folder that you own, or remove that file.");
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "needs a folder in which root can't create any")
    void shouldSayThatTheHomeCantBeMade() throws Exception {
        variables.put("MLX4J_HOME", "/proc/none/home");

        assertThat(run("setup", "mlx"))
                .startsWith("mlx4j: INVALID_CONFIGURATION: mlx4j can't write to MLX4J_HOME, /proc/none/home (")
                .endsWith("What to do: Set MLX4J_HOME to a folder that you can write to.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"MLX4J_HOME", "MLX_MODEL", "PYTHON_PATH"})
    @EnabledOnOs(value = OS.LINUX, disabledReason = "on macOS file names are UTF-8 in every locale")
    void shouldNameTheLocaleWhenASettingCantBeAPathInIt(String setting) throws Exception {
        variables.put("LC_ALL", "POSIX");
        variables.put("MLX4J_HOME", folder.resolve("home").toString());
        variables.put(setting, "/tmp/mod\u00e8le/x");

        assertThat(run("generate", "Hi")).startsWith("mlx4j: ").contains("is not a valid path", LOCALE_FIX);
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "generate Hi --model", "train --output"})
    @EnabledOnOs(value = OS.LINUX, disabledReason = "on macOS file names are UTF-8 in every locale")
    void shouldNameTheLocaleWhenAnArgumentCantBeAPathInIt(String command) throws Exception {
        variables.put("LC_ALL", "POSIX");
        variables.put("MLX4J_HOME", folder.resolve("home").toString());

        assertThat(run((command + " /tmp/mod\u00e8le/x").split(" "))).contains("is not a valid path", LOCALE_FIX);
    }

    @ParameterizedTest
    @ValueSource(strings = {"setup mlx", "generate Hi"})
    void shouldSayThatThereIsNoTemporaryFolder(String command) throws Exception {
        options.add("-Djava.io.tmpdir=" + folder.resolve("missing"));
        variables.put("MLX4J_HOME", folder.resolve("home").toString());

        assertThat(run(command.split(" ")))
                .startsWith("mlx4j: INVALID_CONFIGURATION: No folder can be created in the temporary folder, "
                        + folder.resolve("missing"))
                .endsWith("Start Java with -Djava.io.tmpdir=DIR, where DIR exists and is writable.");
    }

    /** What a command that fails prints. */
    private String run(String... arguments) throws IOException, InterruptedException {
        List<String> command = JavaCommand.of();
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("PYTHON_PATH");
        builder.environment().putAll(variables);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isPositive();
        assertThat(said).doesNotContain("\tat ");
        return said.strip();
    }
}
