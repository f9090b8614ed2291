package io.github.mlx4j.internal.process;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.internal.files.FileTree;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The worker scripts in the jar. An environment created by {@code mlx4j setup} contains a compiled copy, which is used
 * while it is identical, because compiling lengthens a worker's start by about a tenth. Otherwise the scripts are
 * written for each process into a folder that no other user can write to.
 */
public final class BundledScripts implements WorkerScripts {

    /** The folder of the copy in an environment. */
    public static final String COPY = "mlx4j";

    /** The folder of the scripts in the jar. */
    public static final String ROOT = "/io/github/mlx4j/python/";

    private static final JsonMapper JSON = new JsonMapper();

    private final String entry;

    /** Creates the scripts of an entry script, for example {@code mlx_worker.py}. */
    public BundledScripts(String entry) {
        this.entry = entry;
    }

    @Override
    public Path install(Path folder) throws IOException {
        copyTo(folder);
        return folder.resolve(entry);
    }

    @Override
    public Path install(Path folder, Path interpreter) throws IOException {
        Path bin = interpreter.toAbsolutePath().getParent();
        return bin != null && bin.getParent() != null && isCopiedTo(bin.getParent())
                ? bin.resolveSibling(COPY).resolve(entry)
                : install(folder);
    }

    /** Returns whether an environment has a copy that is identical to the scripts in the jar. */
    public static boolean isCopiedTo(Path environment) throws IOException {
        Path copy = environment.resolve(COPY);
        if (!Files.isDirectory(copy)) {
            return false;
        }
        for (String name : names()) {
            Path file = copy.resolve(name);
            try (InputStream bytes = open(name)) {
                if (!Arrays.equals(bytes.readAllBytes(), Files.readAllBytes(file))) {
                    return false;
                }
            } catch (NoSuchFileException another) { // written by another version
                return false;
            }
        }
        return true;
    }

    /** Replaces the copy in an environment; its bytecode must be compiled afterwards. */
    public static void copyInto(Path environment) throws IOException {
        Path copy = environment.resolve(COPY);
        FileTree.delete(copy);
        copyTo(copy);
    }

    private static void copyTo(Path folder) throws IOException {
        for (String name : names()) {
            Path file = folder.resolve(name);
            Files.createDirectories(file.getParent());
            try (InputStream bytes = open(name)) {
                Files.copy(bytes, file); // fails if the file exists
            }
        }
    }

    private static String[] names() throws IOException {
        return text("worker-files.txt").split("\n");
    }

    /** Returns a text file from the folder of the workers. */
    public static String text(String name) throws IOException {
        try (InputStream bytes = open(name)) {
            return new String(bytes.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Returns a script that checks an environment, preceded by the worker code that it needs. */
    public static String check(String name) throws IOException {
        return text("mlx4j_worker/hf/devices.py") + "\n" + text("mlx4j_worker/installed.py") + "\n" + text(name);
    }

    /**
     * Returns the script that finds packages, preceded by the check of environments. Old Python versions can parse it
     * too.
     */
    public static String probe() throws IOException {
        String guard = JSON.writeValueAsString(text("mlx4j_worker/installed.py")); // valid Python too
        return "INSTALLED = " + guard + "\n" + text("probe.py");
    }

    private static InputStream open(String name) throws IOException {
        InputStream bytes = BundledScripts.class.getResourceAsStream(ROOT + name);
        if (bytes == null) {
            throw new FileNotFoundException("The mlx4j jar lacks " + ROOT + name);
        }
        return bytes;
    }
}
