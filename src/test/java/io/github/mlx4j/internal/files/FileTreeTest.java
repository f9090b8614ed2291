package io.github.mlx4j.internal.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.AppleDoubleFiles;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileTreeTest {

    @TempDir
    private Path temp;

    @Test
    void shouldListNoCompanions() throws IOException {
        Files.createFile(temp.resolve("b"));
        Files.createFile(temp.resolve(".hidden"));
        AppleDoubleFiles.scatter(temp);

        assertThat(FileTree.list(temp)).containsExactly(temp.resolve(".hidden"), temp.resolve("b"));
        assertThatExceptionOfType(NoSuchFileException.class).isThrownBy(() -> FileTree.list(temp.resolve("absent")));
    }

    @Test
    void shouldDeleteWhenCompanionsVanishWithTheirFiles() throws IOException {
        Path root = tree();
        AppleDoubleFiles.scatter(root);

        FileTree.delete(root, path -> {
            Files.deleteIfExists(path);
            Files.deleteIfExists(path.resolveSibling("._" + path.getFileName()));
        });

        assertThat(root).doesNotExist();
    }

    @Test
    void shouldDeleteWhenACompanionAppearsMeanwhile() throws IOException {
        Path root = tree();
        Path late = root.resolve("below").resolve(".DS_Store");

        FileTree.delete(root, path -> {
            if (path.endsWith("below") && !Files.exists(temp.resolve("once"))) {
                Files.createFile(temp.resolve("once"));
                Files.createFile(late);
            }
            Files.deleteIfExists(path);
        });

        assertThat(root).doesNotExist();
    }

    @Test
    void shouldFailWhenAFolderIsNeverEmpty() throws IOException {
        Path root = tree();

        assertThatExceptionOfType(DirectoryNotEmptyException.class)
                .isThrownBy(() -> FileTree.delete(root, path -> {
                    if (Files.isDirectory(path)) {
                        throw new DirectoryNotEmptyException(path.toString());
                    }
                }));
    }

    @Test
    void shouldDeleteALinkAndNotWhatItLeadsTo() throws IOException {
        Path root = tree();
        Path link = Files.createSymbolicLink(temp.resolve("link"), root);

        FileTree.delete(link);
        FileTree.delete(temp.resolve("absent"));

        assertThat(link).doesNotExist();
        assertThat(root.resolve("below").resolve("file")).exists();
    }

    @Test
    void shouldComparePathsAsFiles() throws IOException {
        Path root = tree();
        Path link = Files.createSymbolicLink(temp.resolve("link"), temp).resolve("root");

        assertThat(FileTree.isSame(root, link)).isTrue();
        assertThat(FileTree.isSame(root, root.resolve("below"))).isFalse();
        assertThat(FileTree.isSame(root, temp.resolve("absent"))).isFalse();
        assertThat(FileTree.isWithin(link, root)).isTrue();
        assertThat(FileTree.isWithin(link.resolve("not").resolve("there"), root))
                .isTrue();
        assertThat(FileTree.isWithin(root.resolve("below"), link)).isTrue();
        assertThat(FileTree.isWithin(temp.resolve("root2"), root)).isFalse();
        assertThat(FileTree.real(link.resolve("absent"))).isEqualTo(FileTree.real(root.resolve("absent")));
    }

    private Path tree() throws IOException {
        Path root = temp.resolve("root");
        Files.createDirectories(root.resolve("below"));
        Files.createFile(root.resolve("file"));
        Files.createFile(root.resolve("below").resolve("file"));
        return root;
    }
}
