package io.github.mlx4j.internal.process;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.FileFault;
import io.github.mlx4j.internal.files.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A new folder in the temporary folder that only this user can enter, removed by {@link #close()} with all that is in
 * it. A Python process has one of its own, since packages run code that they find in the folder {@code TMPDIR}.
 *
 * @param path where it is
 * @param atExit the shutdown hook that removes it, if there is one
 */
public record PrivateFolder(Path path, @Nullable Thread atExit) implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(PrivateFolder.class);

    /**
     * Creates one whose name begins with {@code mlx4j-} and this. It is also removed when the JVM exits before it is
     * closed, such as at a SIGTERM.
     *
     * @throws ConfigurationException if the JVM's temporary folder isn't there or can't be written to
     */
    public static PrivateFolder create(String name) {
        Path path = createdPath(name);
        Thread atExit = new Thread(() -> delete(path), "mlx4j-removal");
        try {
            Runtime.getRuntime().addShutdownHook(atExit);
        } catch (IllegalStateException exiting) {
            return new PrivateFolder(path, null);
        }
        return new PrivateFolder(path, atExit);
    }

    /** As {@link #create}, but when the JVM exits the worker's watchdog removes it, once the worker has ended. */
    static PrivateFolder ofWorker(String name) {
        return new PrivateFolder(createdPath(name), null);
    }

    private static Path createdPath(String name) {
        try {
            return Files.createTempDirectory("mlx4j-" + name + "-"); // rwx for the owner alone
        } catch (IOException error) {
            throw new ConfigurationException(
                    "No folder can be created in the temporary folder, %s (%s)."
                            .formatted(System.getProperty("java.io.tmpdir"), FileFault.of(error)),
                    "Start Java with -Djava.io.tmpdir=DIR, where DIR exists and is writable.",
                    error);
        }
    }

    /** The environment variables that make it the temporary folder of a child process. */
    public Map<String, String> asTemporary() {
        return Map.of("TMPDIR", path.toString());
    }

    @Override
    public void close() {
        if (atExit != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(atExit);
            } catch (IllegalStateException exiting) {
                log.debug("{} is being removed", path, exiting);
            }
        }
        delete(path);
    }

    private static void delete(Path path) {
        try {
            FileTree.delete(path);
        } catch (IOException error) {
            log.debug("{} is left behind", path, error);
        }
    }
}
