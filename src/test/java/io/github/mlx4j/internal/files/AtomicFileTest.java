package io.github.mlx4j.internal.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {

    @TempDir
    private Path temp;

    @Test
    void shouldReplaceAFileAndLeaveNothingElse() throws IOException {
        Path file = temp.resolve("run.json");
        Files.writeString(temp.resolve("run.json.part"), "half of what a killed process wrote");

        AtomicFile.write(file, "one");
        AtomicFile.write(file, "ü");

        assertThat(file).hasContent("ü");
        assertThat(FileTree.list(temp)).containsExactly(file);
    }

    @Test
    void shouldWriteWhenTheFileSystemCanNotSyncFolders() throws IOException {
        try (FileSystem zip = FileSystems.newFileSystem(temp.resolve("a.zip"), Map.of("create", "true"))) {
            Path root = zip.getPath("/");
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> FileChannel.open(root, StandardOpenOption.READ));

            AtomicFile.write(root.resolve("run.json"), "content");

            assertThat(Files.readString(root.resolve("run.json"))).isEqualTo("content");
        }
    }

    @Test
    void shouldFailWhenTheFileCanNotBeWritten() {
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> AtomicFile.write(temp.resolve("absent").resolve("run.json"), ""));
    }
}
