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
 * Reserves a folder for one run by locking the file {@value #FILE} in it. POSIX releases a process's lock when the
 * process closes any descriptor of the file. Therefore nothing else opens the file, and a second run in this process is
 * rejected before it could. The file is never deleted: otherwise two runs could each lock a different file of that
 * name.
 */
public final class FolderLock implements AutoCloseable {

    /** The name of the lock file. */
    public static final String FILE = "run.lock";

    /** The folders that this process has locked. */
    private static final Set<Path> HERE = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final FileChannel file;

    private FolderLock(Path folder, FileChannel file) {
        this.folder = folder;
        this.file = file;
    }

    /**
     * Locks an existing folder.
     *
     * @throws ConfigurationException if another run has locked it, in this process or in another
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

    /** Unlocks the folder. */
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
        } catch (OverlappingFileLockException mine) { // held by another class loader
            file.close();
            throw taken(named);
        } catch (IOException | RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    private static ConfigurationException taken(Path folder) {
        return new ConfigurationException(
                "Another run is using the folder " + folder + ".", "Wait for it to finish, or choose another folder.");
    }
}
