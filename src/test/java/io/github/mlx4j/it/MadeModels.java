package io.github.mlx4j.it;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.channels.FileChannel;
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
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * Small random models, adapters and DyLoRA-MoEs, created by {@code python/engine_tests/models.py} and
 * {@code mlx_models.py} once for all test JVMs of a Maven run.
 */
public final class MadeModels {

    private static final Path ROOT = Path.of("target", "made-models").toAbsolutePath();

    /** The same in all test JVMs of a Maven run; elsewhere each JVM is a run of its own. */
    private static final String RUN = System.getProperty(
                    "mlx4j.test.run", "pid-" + ProcessHandle.current().pid())
            .replace(':', '-');

    private static final Map<String, Path> MADE = new HashMap<>();

    private MadeModels() {}

    /** The folder of a kind that models.py knows. */
    public static synchronized Path of(String kind) {
        if (MADE.isEmpty()) {
            locked(MadeModels::makeAll)
                    .lines()
                    .map(Path::of)
                    .forEach(path -> MADE.put(ROOT.relativize(path).getName(0).toString(), path));
        }
        return MADE.get(kind);
    }

    private static String makeAll() throws Exception {
        Path list = ROOT.resolve("made-by-" + RUN);
        if (!Files.exists(list)) {
            if (Files.exists(ROOT)) {
                delete(ROOT);
            }
            Files.createDirectories(ROOT);
            Files.writeString(list, run(ProviderKind.HF, "engine_tests.models", "all", ROOT.toString()));
        }
        return Files.readString(list);
    }

    /** A folder as mlx-lm writes it, of a kind that mlx_models.py knows. */
    public static synchronized Path ofMlx(String kind, String... more) {
        of("llama"); // empties the root
        return MADE.computeIfAbsent(
                "mlx/" + kind,
                name -> locked(() -> {
                    Path folder = ROOT.resolve("mlx-" + kind);
                    Path made = ROOT.resolve("mlx-" + kind + ".made");
                    if (!Files.exists(made)) {
                        List<String> arguments = new ArrayList<>(List.of(kind, folder.toString()));
                        arguments.addAll(List.of(more));
                        run(ProviderKind.MLX, "engine_tests.mlx_models", arguments.toArray(String[]::new));
                        Files.createFile(made);
                    }
                    return folder;
                }));
    }

    private static <T> T locked(Callable<T> action) {
        Path lock = ROOT.resolveSibling("made-models.lock");
        try (FileChannel channel = FileChannel.open(lock, CREATE, WRITE)) {
            channel.lock(); // until the channel is closed
            return action.call();
        } catch (Exception failure) {
            throw new IllegalStateException("The models were not made", failure);
        }
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
