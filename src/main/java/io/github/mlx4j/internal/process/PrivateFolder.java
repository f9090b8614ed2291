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
 * A new temporary folder that only this user can access. {@link #close()} deletes it with all its content. Every Python
 * process gets its own, because packages execute code that they find in {@code TMPDIR}.
 *
 * @param path the folder
 * @param atExit the shutdown hook that deletes it, or {@code null}
 */
public record PrivateFolder(Path path, @Nullable Thread atExit) implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(PrivateFolder.class);

    /**
     * Creates a folder whose name starts with {@code mlx4j-} and {@code name}. It is also deleted if the JVM exits
     * before it is closed, for example after a SIGTERM.
     *
     * @throws ConfigurationException if the JVM's temporary folder does not exist or is not writable
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

    /**
     * Creates a folder without a shutdown hook: if the JVM exits, the worker's watchdog deletes it after the worker has
     * ended.
     */
    static PrivateFolder ofWorker(String name) {
        return new PrivateFolder(createdPath(name), null);
    }

    private static Path createdPath(String name) {
        try {
            return Files.createTempDirectory("mlx4j-" + name + "-"); // mode 0700
        } catch (IOException error) {
            throw new ConfigurationException(
                    "No folder can be created in the temporary folder, %s (%s)."
                            .formatted(System.getProperty("java.io.tmpdir"), FileFault.of(error)),
                    "Start Java with -Djava.io.tmpdir=DIR, where DIR exists and is writable.",
                    error);
        }
    }

    /** Returns the environment variables that make this the temporary folder of a child process. */
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
            log.debug("{} could not be removed", path, error);
        }
    }
}
