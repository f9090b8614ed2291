package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeersTest {

    @TempDir
    private Path folder;

    @Test
    void shouldSayWhatToInstallWhenAPeerIsAbsent() {
        Peers peers = new Peers(Map.of());

        assertThatThrownBy(() -> peers.transformersServe("model", folder.resolve("log")))
                .hasMessageContaining("set MLX4J_BENCH_TRANSFORMERS to")
                .hasMessageContaining("fastapi");
        assertThatThrownBy(peers::javaLlama).hasMessageContaining("MLX4J_BENCH_CLASSPATH");
        assertThatThrownBy(() -> peers.nodeLlama(folder.resolve("log")))
                .hasMessageContaining("set MLX4J_BENCH_NODE to")
                .hasMessageContaining("npm install");
    }

    @Test
    void shouldAskForTheModelInGgufWhenOnlyTheLibraryIsThere() {
        Peers peers = new Peers(Map.of(Peers.NODE, folder.toString()));

        assertThatThrownBy(() -> peers.nodeLlama(folder.resolve("log")))
                .hasMessageContaining("set MLX4J_BENCH_GGUF to");
    }

    @Test
    void shouldNameTheMissingFileWhenASettingIsWrong() {
        Peers peers =
                new Peers(Map.of(Peers.TRANSFORMERS, folder.resolve("python").toString()));

        assertThatThrownBy(() -> peers.transformersServe("model", folder.resolve("log")))
                .hasMessageContaining(folder.resolve("python") + ", which does not exist");
    }
}
