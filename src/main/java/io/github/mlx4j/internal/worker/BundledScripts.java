package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The workers inside the jar. They are written anew for each process, into a folder that nobody else can write to. */
public final class BundledScripts implements WorkerScripts {

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
        String files = text("worker-files.txt");
        for (String name : files.split("\n")) {
            Path file = folder.resolve(name);
            Files.createDirectories(file.getParent());
            try (InputStream bytes = open(name)) {
                Files.copy(bytes, file); // fails if it exists
            }
        }
        return folder.resolve(entry);
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
