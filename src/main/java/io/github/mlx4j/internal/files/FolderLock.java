package io.github.mlx4j.internal.files;

import io.github.mlx4j.error.ConfigurationException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps a folder for one run: a lock on the file {@value #FILE} in it. POSIX drops a process's lock as soon as the
 * process closes any descriptor of the file, so nothing else opens it, and a second run in this process is refused
 * before it could. The file stays: if it were removed, two runs could each have one of that name.
 */
public final class FolderLock implements AutoCloseable {

    /** The file. */
    public static final String FILE = "run.lock";

    /** The folders that this process has. */
    private static final Set<Path> HERE = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final FileChannel file;

    private FolderLock(Path folder, FileChannel file) {
        this.folder = folder;
        this.file = file;
    }

    /**
     * Takes a folder, which is there.
     *
     * @throws ConfigurationException if another run has it, in this process or in another
     */
    public static FolderLock take(Path folder) throws IOException {
        Path real = folder.toRealPath();
        if (!HERE.add(real)) {
            throw taken(folder);
        }
        try {
            return new FolderLock(real, lock(real, folder));
        } catch (IOException | RuntimeException failure) {
            HERE.remove(real);
            throw failure;
        }
    }

    /** Gives the folder back. */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } finally {
            HERE.remove(folder);
        }
    }

    private static FileChannel lock(Path real, Path named) throws IOException {
        FileChannel file = FileChannel.open(real.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (file.tryLock() == null) {
                throw taken(named);
            }
            return file;
        } catch (OverlappingFileLockException mine) { // of another class loader
            file.close();
            throw taken(named);
        } catch (IOException | RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    private static ConfigurationException taken(Path folder) {
        return new ConfigurationException(
                "Another run has the folder " + folder + ".", "Wait for it, or name another folder.");
    }
}
