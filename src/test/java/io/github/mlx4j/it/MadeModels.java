package io.github.mlx4j.it;

import io.github.mlx4j.port.ProviderKind;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * Small random models, adapters and DyLoRA-MoEs, made by {@code python/engine_tests/models.py} and
 * {@code mlx_models.py} once for a JVM.
 */
public final class MadeModels {

    private static final Map<String, Path> MADE = new HashMap<>();

    private MadeModels() {}

    /** The folder of a kind that models.py knows. */
    public static synchronized Path of(String kind) {
        if (MADE.isEmpty()) {
            makeAll();
        }
        return MADE.get(kind);
    }

    private static void makeAll() {
        try {
            Path root = Files.createDirectories(Path.of("target", "made-models").toAbsolutePath());
            delete(root);
            run(ProviderKind.HF, "engine_tests.models", "all", root.toString())
                    .lines()
                    .map(Path::of)
                    .forEach(path -> MADE.put(kind(root, path), path));
        } catch (Exception failure) {
            throw new IllegalStateException("models.py failed", failure);
        }
    }

    /** A folder as mlx-lm writes it, of a kind that mlx_models.py knows. */
    public static synchronized Path ofMlx(String kind, String... more) {
        Path root = of("llama").getParent();
        return MADE.computeIfAbsent("mlx/" + kind, name -> {
            Path folder = root.resolve("mlx-" + kind);
            List<String> arguments = new ArrayList<>(List.of(kind, folder.toString()));
            arguments.addAll(List.of(more));
            try {
                run(ProviderKind.MLX, "engine_tests.mlx_models", arguments.toArray(String[]::new));
            } catch (Exception failure) {
                throw new IllegalStateException("mlx_models.py failed", failure);
            }
            return folder;
        });
    }

    private static String run(ProviderKind kind, String module, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Fixture.python(kind).toString(), "-m", module));
        command.addAll(List.of(arguments));
        return new ProcessExecutor(command)
                .directory(Path.of("python").toFile())
                .redirectErrorStream(false)
                .readOutput(true)
                .timeout(5, TimeUnit.MINUTES)
                .exitValueNormal()
                .execute()
                .outputUTF8();
    }

    private static String kind(Path root, Path made) {
        return root.relativize(made).getName(0).toString();
    }

    /** The content's size and time of all files in a folder, to see whether anything was written into it. */
    static Map<String, List<Object>> snapshot(Path folder) throws IOException {
        Map<String, List<Object>> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.toList()) {
                files.put(
                        folder.relativize(path).toString(), List.of(Files.size(path), Files.getLastModifiedTime(path)));
            }
        }
        return files;
    }

    private static void delete(Path root) throws IOException {
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException error) throws IOException {
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
