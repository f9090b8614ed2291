package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryNeedTest {

    private static final Path MODEL = Path.of("src", "test", "resources", "models", "tiny-chat");

    @TempDir
    private Path folder;

    @Test
    void shouldBeWeightsAndTheCacheOfOneRequest() {
        ModelInspection model = ModelInspector.inspect(MODEL);
        int tokens = Math.min(model.contextLength(), MemoryNeed.TOKENS);

        MemoryNeed need = MemoryNeed.of(MODEL.toString(), ModelRegistry.builtIn());

        assertThat(need.known()).isTrue();
        assertThat(need.bytes())
                .isEqualTo(MemoryEstimate.inference(model, tokens, 1).bytes())
                .isGreaterThan(model.weightBytes());
        assertThat(need.explanation()).contains("weights", "KV cache", tokens + " tokens");
    }

    @ParameterizedTest
    @ValueSource(strings = {"org/a-model-that-nobody-has", "/nonexistent/model", "{\"say\":\"a\"}", "\0"})
    void shouldNotBeKnownWhenTheModelIsNotHere(String model) {
        MemoryNeed need = MemoryNeed.of(model, ModelRegistry.builtIn());

        assertThat(need.known()).isFalse();
        assertThat(need.bytes()).isZero();
        assertThat(need.explanation()).startsWith("not known: ");
    }

    @Test
    void shouldBeTheRegistrysWhenTheModelIsKnownButNotHere() {
        MemoryNeed need = MemoryNeed.of("mlx-community/Phi-3-mini-4k-instruct-4bit", ModelRegistry.builtIn());

        assertThat(need.bytes()).isBetween(2_000_000_000L, 5_000_000_000L);
        assertThat(need.known()).isFalse();
        assertThat(need.explanation()).contains("registry");
    }

    @Test
    void shouldNotBeKnownWhenTheFolderHoldsNoModel() {
        assertThat(MemoryNeed.of(folder.toString(), ModelRegistry.builtIn()).known())
                .isFalse();
    }

    @Test
    void shouldAddUpWithADraftModel() {
        MemoryNeed both = new MemoryNeed(3, true, "a").plus(new MemoryNeed(4, false, "b"));

        assertThat(both).isEqualTo(new MemoryNeed(7, false, "a; and b"));
    }
}
