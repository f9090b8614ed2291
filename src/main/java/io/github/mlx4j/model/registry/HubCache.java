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
 * Looks into the hub's cache on this machine, as Hugging Face's client lays it out; reads names, sizes and indexes
 * only.
 *
 * @param folder where it is; it doesn't have to be there
 */
public record HubCache(Path folder) {

    private static final int MAX_REF_BYTES = 4096;

    /** How much of a model is in the cache. */
    public enum State {
        /** Nothing. */
        ABSENT,
        /** Something, but not all weights: a download that didn't end, or another program's. */
        PART,
        /** All weights. */
        WHOLE
    }

    /** The one that the workers use: {@code HF_HUB_CACHE}, {@code HF_HOME}, {@code XDG_CACHE_HOME}, or in the home. */
    public static HubCache of(Map<String, String> environment) {
        String own = environment.get("HF_HUB_CACHE");
        if (own != null) {
            return new HubCache(UserPath.of(own));
        }
        String caches = environment.getOrDefault("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache");
        return new HubCache(UserPath.of(environment.getOrDefault("HF_HOME", caches + "/huggingface"), "hub"));
    }

    /**
     * The folder of a model that is on this machine: the folder itself, or of a hub id its main revision in the cache.
     */
    public static Optional<Path> local(String model) {
        Path folder = UserPath.of(model);
        return Files.isDirectory(folder)
                ? Optional.of(folder)
                : of(System.getenv()).main(model);
    }

    /** How much of a model there is. */
    public State state(String id) {
        Path model = of(id);
        if (!Files.isDirectory(model)) {
            return State.ABSENT;
        }
        return list(model.resolve("snapshots")).stream().anyMatch(HubCache::isWhole) ? State.WHOLE : State.PART;
    }

    /** Bytes of a model on the disk, parts included. */
    public long bytes(String id) {
        return bytes(list(of(id).resolve("blobs")).stream()) + copies(of(id).resolve("snapshots"));
    }

    /** The folder of a model's main revision; empty if it isn't there, or has weights missing. */
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

    /** The bytes of files that are in snapshots themselves, which is so where a file system has no links. */
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
