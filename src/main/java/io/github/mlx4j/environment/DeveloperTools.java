package io.github.mlx4j.environment;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Apple's command line developer tools. Without them, {@code /usr/bin/python3} is a placeholder that opens a dialog
 * offering to install them. Not thread-safe.
 */
final class DeveloperTools {

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final ProgramFolders folders;
    private @Nullable Boolean installed;

    DeveloperTools(ProgramFolders folders) {
        this.folders = folders;
    }

    /**
     * Returns whether running this interpreter could open the dialog. This is the case for the placeholder, and for a
     * shim of a version manager, which may run the placeholder.
     */
    boolean mustNotRun(Path interpreter) throws InterruptedException {
        return folders.mac() && (isPlaceholder(interpreter) || isShim(interpreter)) && !areInstalled();
    }

    private boolean isPlaceholder(Path interpreter) {
        try {
            return Files.isSameFile(interpreter, folders.root().resolve("usr/bin/python3"));
        } catch (IOException none) {
            return false;
        }
    }

    private static boolean isShim(Path interpreter) {
        Path folder = interpreter.toAbsolutePath().getParent();
        return folder != null && folder.endsWith("shims");
    }

    /**
     * Returns whether the tools are installed. {@code xcode-select -p} opens no dialog, but it may print a folder whose
     * contents were removed.
     */
    private boolean areInstalled() throws InterruptedException {
        if (installed == null) {
            String[] folder = {""};
            try {
                int exit = IsolatedProcess.run(
                        List.of(folders.root().resolve("usr/bin/xcode-select").toString(), "-p"),
                        WorkerEnvironment.from(System.getenv(), Map.of()),
                        PATIENCE,
                        line -> folder[0] = line,
                        line -> {});
                installed = exit == 0
                        && folders.at(folder[0])
                                .map(tools -> tools.resolve("usr/bin/python3"))
                                .filter(ProgramFolders::isProgram)
                                .isPresent();
            } catch (IOException | TimeoutException none) {
                installed = false;
            }
        }
        return installed;
    }
}
