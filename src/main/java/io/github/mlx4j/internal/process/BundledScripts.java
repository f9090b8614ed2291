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
 * The workers inside the jar. An environment that {@code mlx4j setup} made has a compiled copy; it is used as long as
 * it is the same, since compiling takes a worker's start about a tenth longer. Otherwise they are written for each
 * process, into a folder that nobody else can write to.
 */
public final class BundledScripts implements WorkerScripts {

    /** Where an environment has its copy. */
    public static final String COPY = "mlx4j";

    /** Where the jar has them. */
    public static final String ROOT = "/io/github/mlx4j/python/";

    private static final JsonMapper JSON = new JsonMapper();

    private final String entry;

    /** For an entry script, for example {@code mlx_worker.py}. */
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

    /** Whether an environment has a copy that is the same as what the jar has. */
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
            } catch (NoSuchFileException another) { // of another version
                return false;
            }
        }
        return true;
    }

    /** Gives an environment a copy, in place of the one that it has; its bytecode is to be made. */
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
                Files.copy(bytes, file); // fails if it exists
            }
        }
    }

    private static String[] names() throws IOException {
        return text("worker-files.txt").split("\n");
    }

    /** A text file from beside the workers. */
    public static String text(String name) throws IOException {
        try (InputStream bytes = open(name)) {
            return new String(bytes.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** A script that checks an environment, with the code that it needs of the workers before it. */
    public static String check(String name) throws IOException {
        return text("mlx4j_worker/hf/devices.py") + "\n" + text("mlx4j_worker/installed.py") + "\n" + text(name);
    }

    /** The script that looks for packages, with the guard of environments before it. Old Pythons can parse it too. */
    public static String probe() throws IOException {
        String guard = JSON.writeValueAsString(text("mlx4j_worker/installed.py")); // JSON's strings are Python's too
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
