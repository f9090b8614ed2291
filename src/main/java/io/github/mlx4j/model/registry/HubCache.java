package io.github.mlx4j.model.registry;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.model.ConfigJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Inspects the local cache of the Hugging Face hub, as laid out by the Hugging Face client. It reads only names, sizes
 * and indexes.
 *
 * @param folder the folder of the cache, which need not exist
 */
public record HubCache(Path folder) {

    private static final int MAX_REF_BYTES = 4096;

    /** How much of a model is in the cache. */
    public enum State {
        /** Nothing. */
        ABSENT,
        /** Some files, but not all weights: an unfinished download, or files of another program. */
        PART,
        /** All weights. */
        WHOLE
    }

    /**
     * Returns the cache that the workers use: {@code HF_HUB_CACHE}, or else a folder in {@code HF_HOME},
     * {@code XDG_CACHE_HOME} or the home folder.
     */
    public static HubCache of(Map<String, String> environment) {
        String own = environment.get("HF_HUB_CACHE");
        if (own != null) {
            return new HubCache(UserPath.of(own));
        }
        String caches = environment.getOrDefault("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache");
        return new HubCache(UserPath.of(environment.getOrDefault("HF_HOME", caches + "/huggingface"), "hub"));
    }

    /** Returns the local folder of a model: the folder itself or, for a hub id, the main revision in the cache. */
    public static Optional<Path> local(String model) {
        Path folder = UserPath.of(model);
        return Files.isDirectory(folder)
                ? Optional.of(folder)
                : of(System.getenv()).main(model);
    }

    /** Returns how much of a model is in the cache. */
    public State state(String id) {
        Path model = of(id);
        if (!Files.isDirectory(model)) {
            return State.ABSENT;
        }
        return list(model.resolve("snapshots")).stream().anyMatch(HubCache::isWhole) ? State.WHOLE : State.PART;
    }

    /** Returns the size of a model on disk in bytes, including partial downloads. */
    public long bytes(String id) {
        return bytes(list(of(id).resolve("blobs")).stream()) + copies(of(id).resolve("snapshots"));
    }

    /** Returns the folder of a model's main revision; empty if it isn't in the cache or if weights are missing. */
    public Optional<Path> main(String id) {
        try {
            Path main = of(id).resolve("refs").resolve("main");
            String revision = new String(FileTree.read(main, MAX_REF_BYTES), StandardCharsets.UTF_8).strip();
            return Optional.of(of(id).resolve("snapshots").resolve(revision)).filter(HubCache::isWhole);
        } catch (IOException none) {
            return Optional.empty();
        }
    }

    private Path of(String id) {
        return folder.resolve("models--" + id.replace("/", "--"));
    }

    private static boolean isWhole(Path snapshot) {
        List<String> names = list(snapshot).stream()
                .filter(Files::exists)
                .map(file -> file.getFileName().toString())
                .toList();
        return names.stream().anyMatch(name -> name.endsWith(".safetensors"))
                && names.stream()
                        .filter(name -> name.endsWith(".safetensors.index.json"))
                        .allMatch(index -> hasAll(snapshot, index));
    }

    private static boolean hasAll(Path snapshot, String index) {
        try {
            JsonNode named = ConfigJson.read(snapshot.resolve(index)).path("weight_map");
            return !named.isEmpty()
                    && named.valueStream().distinct().allMatch(file -> Files.exists(snapshot.resolve(file.asText())));
        } catch (IOException unreadable) {
            return false;
        }
    }

    /** Returns the bytes of regular files in snapshots, which exist if the file system doesn't support links. */
    private static long copies(Path snapshots) {
        try (Stream<Path> files = Files.walk(snapshots)) {
            return bytes(files.filter(file -> !Files.isSymbolicLink(file) && !FileTree.isCompanion(file)));
        } catch (IOException | UncheckedIOException none) {
            return 0;
        }
    }

    private static long bytes(Stream<Path> files) {
        return files.filter(Files::isRegularFile)
                .mapToLong(file -> file.toFile().length())
                .sum();
    }

    private static List<Path> list(Path folder) {
        try {
            return FileTree.list(folder);
        } catch (IOException none) {
            return List.of();
        }
    }
}
