package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JournalTest {

    @TempDir
    private Path home;

    @Test
    void shouldBeginALineOfItsOwnAfterAHalfWrittenOne() throws IOException {
        Path file = home.resolve("workers.log");
        Files.writeString(file, "{\"time\":\"20");

        new Journal(file, "mlx").add(event("ready"));
        new Journal(file, "mlx").add(event("exited"));

        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(3);
        assertThat(new JsonMapper().readTree(lines.get(1)).path("event").asText())
                .isEqualTo("ready");
        assertThat(new JsonMapper().readTree(lines.get(2)).path("event").asText())
                .isEqualTo("exited");
    }

    @Test
    void shouldBePrivateAlsoWhenItIsThereWithAnotherMode() throws IOException {
        Path made = home.resolve("made.log");
        Path there = Files.createFile(home.resolve("there.log"));
        Files.setPosixFilePermissions(there, PosixFilePermissions.fromString("rw-rw-rw-"));

        for (Path file : List.of(made, there)) {
            new Journal(file, "mlx").add(event("ready"));
            assertThat(mode(file)).isEqualTo("rw-------");
        }
    }

    @Test
    void shouldBeRotatedWhenItIsLong() throws IOException {
        Path file = home.resolve("workers.log");
        Files.writeString(file, "x".repeat(300 * 1024) + "\n");

        new Journal(file, "mlx").add(event("ready"));

        assertThat(Files.readAllLines(file)).hasSize(1);
        assertThat(home.resolve("workers.log.1")).hasSize(300 * 1024 + 1);
    }

    @Test
    void shouldMakeFoldersThatAreTheOwnersAlone() throws IOException {
        Path made = PrivateFiles.createFolders(home.resolve("a").resolve("b"));

        assertThat(mode(made)).isEqualTo("rwx------");
        assertThat(mode(made.getParent())).isEqualTo("rwx------");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwxrwx---", "rwx----w-", "rwxrwxrwx"})
    void shouldRefuseAHomeThatOthersCanWriteTo(String mode) throws IOException {
        Files.setPosixFilePermissions(home, PosixFilePermissions.fromString(mode));

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> PrivateFiles.check(home))
                .withMessageContaining("Other users can write to MLX4J_HOME")
                .withMessageContaining("chmod 700 " + home);
        Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxr-xr-x"));
        PrivateFiles.check(home);
        PrivateFiles.check(home.resolve("missing"));
    }

    private static String mode(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    private static WorkerStatus.Event event(String name) {
        return new WorkerStatus.Event(Instant.EPOCH, name, "detail");
    }
}
