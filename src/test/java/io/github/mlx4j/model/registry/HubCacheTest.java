package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.AppleDoubleFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubCacheTest {

    @Test
    void shouldSeeHowMuchOfAModelIsInTheCache(@TempDir Path folder) throws IOException {
        HubCache cache = new HubCache(folder);
        Path snapshot = folder.resolve("models--org--name").resolve("snapshots").resolve("abc");

        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.ABSENT);
        Files.createDirectories(snapshot);
        Files.createDirectories(folder.resolve("models--org--name").resolve("blobs"));
        Files.writeString(folder.resolve("models--org--name/blobs/123.mlx4j.incomplete"), "12345");
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.PART);
        assertThat(cache.bytes("org/name")).isEqualTo(5);
        Files.writeString(
                snapshot.resolve("model.safetensors.index.json"),
                "{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}");
        Files.writeString(snapshot.resolve("one.safetensors"), "");
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.PART);
        Files.writeString(snapshot.resolve("two.safetensors"), "");
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.WHOLE);
    }

    @Test
    void shouldNotSeeCompanionFilesOfMacos(@TempDir Path folder) throws IOException {
        HubCache cache = new HubCache(folder);
        Path snapshot = Files.createDirectories(folder.resolve("models--org--name/snapshots/abc"));
        Files.createDirectories(folder.resolve("models--org--name/blobs"));
        Files.writeString(snapshot.resolve("._model.safetensors"), "");
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.PART);
        Files.writeString(
                snapshot.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"a\": \"one.safetensors\"}}");
        Files.writeString(snapshot.resolve("one.safetensors"), "12345");
        long bytes = cache.bytes("org/name");

        AppleDoubleFiles.scatter(folder);

        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.WHOLE);
        assertThat(bytes).isGreaterThan(5); // the files themselves, where the file system has no links
        assertThat(cache.bytes("org/name")).isEqualTo(bytes);
    }

    @Test
    void shouldReadNoIndexThatIsTooLong(@TempDir Path folder) throws IOException {
        HubCache cache = new HubCache(folder);
        Path snapshot = Files.createDirectories(folder.resolve("models--org--name/snapshots/abc"));
        Files.writeString(snapshot.resolve("one.safetensors"), "");
        String index = "{\"weight_map\": {\"a\": \"one.safetensors\"}}";
        Files.writeString(snapshot.resolve("model.safetensors.index.json"), index);
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.WHOLE);
        Files.writeString(snapshot.resolve("model.safetensors.index.json"), index + " ".repeat(16 << 20));
        assertThat(cache.state("org/name")).isEqualTo(HubCache.State.PART);
    }

    @Test
    void shouldFindTheMainRevisionIfAllOfItIsThere(@TempDir Path folder) throws IOException {
        HubCache cache = new HubCache(folder);
        Path repository = folder.resolve("models--org--name");
        Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve("0123abcd"));
        Files.createDirectories(repository.resolve("refs"));
        Files.writeString(repository.resolve("refs").resolve("main"), "0123abcd\n");

        assertThat(cache.main("org/name")).isEmpty();
        Files.createFile(snapshot.resolve("model.safetensors"));
        assertThat(cache.main("org/name")).hasValue(snapshot);
        assertThat(cache.main("org/other")).isEmpty();
    }

    @Test
    void shouldBeWhereTheWorkersHaveIt() {
        assertThat(HubCache.of(Map.of("HF_HUB_CACHE", "/c", "HF_HOME", "/h", "XDG_CACHE_HOME", "/x"))
                        .folder())
                .isEqualTo(Path.of("/c"));
        assertThat(HubCache.of(Map.of("HF_HOME", "/h", "XDG_CACHE_HOME", "/x")).folder())
                .isEqualTo(Path.of("/h/hub"));
        assertThat(HubCache.of(Map.of("XDG_CACHE_HOME", "/x")).folder()).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(HubCache.of(Map.of()).folder())
                .isEqualTo(Path.of(System.getProperty("user.home"), ".cache/huggingface/hub"));
    }
}
