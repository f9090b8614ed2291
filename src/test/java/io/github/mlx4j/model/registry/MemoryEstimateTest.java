package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.model.Folders;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryEstimateTest {

    private static final int KV = 2 * 4 * 3 * 32 * 4;
    private static final long WEIGHTS = 7_281_408;
    private static final long PARAMETERS = 1_820_352;

    private final ModelInspection tiny =
            ModelInspector.inspect(Path.of("src", "test", "resources", "models", "tiny-chat"));

    @TempDir
    private Path folder;

    @Test
    void shouldAddWeightsAndCacheWhenTextIsGenerated() {
        MemoryEstimate estimate = MemoryEstimate.inference(tiny, 1000, 4);

        assertThat(estimate.bytes()).isEqualTo(WEIGHTS + 4L * 1000 * KV);
        assertThat(estimate.explain())
                .isEqualTo("weights 7.3 MB (the bytes of 38 tensors) + KV cache 12.3 MB (4 × 1000 tokens × 2 (keys,"
                        + " values) × 4 layers × 3 KV heads × 32 head size × 4 bytes) = 19.6 MB");
    }

    /** Phi-3-mini: 32 layers, 32 heads of 96, and so 0.39 MB a token in 16 bits. */
    @Test
    void shouldComeToTheKnownFiguresWhenTheModelIsPhi3Mini() throws IOException {
        Folders.model(folder.resolve("phi"), """
                {"model_type": "phi3", "num_hidden_layers": 32, "hidden_size": 3072, "num_attention_heads": 32}""", new Safetensors().tensor("model.norm.weight", "BF16", 4));

        MemoryEstimate estimate = MemoryEstimate.inference(ModelInspector.inspect(folder.resolve("phi")), 1, 1);
        assertThat(estimate.parts().get(1).bytes()).isEqualTo(393_216);
    }

    @Test
    void shouldSayWhyWhenTheCacheIsNotKnown() throws IOException {
        Folders.hf(folder.resolve("m"));
        Folders.write(folder.resolve("m"), "config.json", Folders.config("\"kv_lora_rank\": 4"));

        assertThat(MemoryEstimate.inference(ModelInspector.inspect(folder.resolve("m")), 1, 1)
                        .explain())
                .contains("KV cache 0 bytes (not known: keys and values are kept compressed (MLA))")
                .endsWith(" = at least 328 bytes");
    }

    @Test
    void shouldNotSayThatItFitsWhenNotAllIsKnown() throws IOException {
        MemoryEstimate whole = MemoryEstimate.fullContext(tiny);
        assertThat(whole.complete()).isTrue();
        assertThat(whole.fits(whole.bytes())).contains(true);
        assertThat(whole.fits(whole.bytes() - 1)).contains(false);

        Folders.model(
                folder.resolve("m"), Folders.CONFIG.replace("max_position_embeddings", "x"), Safetensors.llama(2));
        MemoryEstimate part = MemoryEstimate.fullContext(ModelInspector.inspect(folder.resolve("m")));
        assertThat(part.complete()).isFalse();
        assertThat(part.explain()).contains("not known: the config doesn't say how long the context is", "at least");
        assertThat(part.fits(part.bytes())).isEmpty();
        assertThat(part.fits(part.bytes() - 1)).contains(false);
    }

    @Test
    void shouldTrainTheBaseWhenTheFolderIsAnAdapter() throws IOException {
        Path base = Folders.hf(folder.resolve("base"));
        ModelInspection adapter = ModelInspector.inspect(Folders.peftAdapter(folder.resolve("a"), base.toString()));
        assertThat(MemoryEstimate.training(adapter, TrainingNeed.withAdam(TrainingKind.LORA, 10, 1, 1)))
                .isEqualTo(MemoryEstimate.training(
                        ModelInspector.inspect(base), TrainingNeed.withAdam(TrainingKind.LORA, 10, 1, 1)));

        ModelInspection onTheHub = ModelInspector.inspect(Folders.peftAdapter(folder.resolve("b"), "org/base"));
        MemoryEstimate estimate = MemoryEstimate.training(onTheHub, TrainingNeed.withAdam(TrainingKind.FULL, 0, 1, 1));
        assertThat(estimate.parts()).allMatch(part -> !part.known());
        assertThat(estimate.explain())
                .contains("parameters 0 bytes (not known: the base model is not in a folder here)");
    }

    @Test
    void shouldNotKnowFullTrainingWhenParametersOfAQuantizedModelAreNotCounted() throws IOException {
        Folders.hf(folder.resolve("m"));
        Folders.write(
                folder.resolve("m"),
                "config.json",
                Folders.config("\"quantization_config\": {\"quant_method\": \"gptq\"}"));

        MemoryEstimate estimate = MemoryEstimate.training(
                ModelInspector.inspect(folder.resolve("m")), TrainingNeed.withAdam(TrainingKind.FULL, 0, 1, 1));
        assertThat(estimate.complete()).isFalse();
        assertThat(estimate.explain()).contains("parameters 0 bytes (not known: how many there are)", "= at least ");
    }

    @Test
    void shouldAddWhatIsTrainedWhenItIsLora() {
        for (TrainingKind kind : new TrainingKind[] {TrainingKind.LORA, TrainingKind.DORA}) {
            MemoryEstimate estimate = MemoryEstimate.training(tiny, TrainingNeed.withAdam(kind, 10_000, 2, 128));

            assertThat(estimate.parts())
                    .extracting(MemoryEstimate.Part::name)
                    .containsExactly("weights", "trained parameters", "activations");
            assertThat(estimate.parts().get(0).bytes()).isEqualTo(WEIGHTS);
            assertThat(estimate.parts().get(1).bytes()).isEqualTo(160_000);
            assertThat(estimate.parts().get(2).bytes())
                    .isEqualTo(4L * 2 * 128 * 2 * (34 * 192 + 5 * 6 * 128) + 2L * 128 * 1024 * 8);
            assertThat(estimate.explain())
                    .contains("trained parameters 160,000 bytes (10,000 × 16 bytes: 4 itself, 4 gradient, 8 optimizer)")
                    .contains("(an estimate: 4 layers × 2 × 128 tokens × 2 × (34 × 192 + 5 × 6 heads × 128)"
                            + " + logits 2 × 128 × 1024 × 8)");
        }
    }

    @Test
    void shouldCountFourAndAHalfBitsWhenItIsQloraOfAnUnquantizedModel() throws IOException {
        MemoryEstimate estimate = MemoryEstimate.training(tiny, TrainingNeed.withAdam(TrainingKind.QLORA, 0, 1, 1));
        assertThat(estimate.parts().get(0).bytes()).isEqualTo(Math.round(PARAMETERS * 4.5 / 8));
        assertThat(estimate.explain()).contains("1,820,352 parameters × 4.5 bits, once quantized");

        ModelInspection quantized = ModelInspector.inspect(Folders.mlxQuantized(folder.resolve("q")));
        assertThat(MemoryEstimate.training(quantized, TrainingNeed.withAdam(TrainingKind.QLORA, 0, 1, 1))
                        .parts()
                        .get(0)
                        .bytes())
                .isEqualTo(quantized.weightBytes());
    }

    @Test
    void shouldCountSixteenBytesAParameterWhenAllAreTrained() {
        MemoryEstimate estimate = MemoryEstimate.training(tiny, TrainingNeed.withAdam(TrainingKind.FULL, 0, 1, 1));

        assertThat(estimate.parts().get(0))
                .isEqualTo(new MemoryEstimate.Part(
                        "parameters",
                        16 * PARAMETERS,
                        true,
                        "1,820,352 × 16 bytes: 4 itself, 4 gradient, 8 optimizer"));
        assertThat(estimate.parts()).hasSize(2);
    }

    /** TinyLlama: 22 layers of 2048 with 32 heads, 32,000 tokens; a row of 1,024 tokens, in 16 bits. */
    @Test
    void shouldComeToTheFiguresOfAHandCalculation() throws IOException {
        Folders.model(folder.resolve("m"), """
                {"model_type": "llama", "num_hidden_layers": 22, "hidden_size": 2048, "num_attention_heads": 32,
                 "num_key_value_heads": 4, "vocab_size": 32000}""", new Safetensors().tensor("model.norm.weight", "BF16", 1000));
        ModelInspection model = ModelInspector.inspect(folder.resolve("m"));

        long layer = 1024L * (34 * 2048 + 5 * 32 * 1024); // 239,075,328
        long logits = 1024L * 32_000 * 8; // 262,144,000
        assertThat(bytes(model, TrainingKind.LORA, 10, 2, null, false))
                .containsExactly(2000L, 160L, 22 * layer + logits); // 5.5 GB
        assertThat(bytes(model, TrainingKind.LORA, 10, 0, null, true))
                .containsExactly(2000L, 80L, 2 * layer + 22L * 1024 * 2 * 2048 + logits); // 0.8 GB
        assertThat(bytes(model, TrainingKind.LORA, 10, 2, 4, false))
                .containsExactly(4000L, 160L, 22 * 2 * layer + logits);
        assertThat(bytes(model, TrainingKind.FULL, 0, 2, null, false))
                .containsExactly(16_000L, 2000L, 22 * layer + logits); // float32 masters beside the weights
        assertThat(bytes(model, TrainingKind.FULL, 0, 0, 4, false)).containsExactly(8000L, 22 * 2 * layer + logits);
    }

    private static List<Long> bytes(
            ModelInspection model,
            TrainingKind kind,
            long trained,
            int optimizerValues,
            @Nullable Integer weightBytes,
            boolean gradientCheckpointing) {
        TrainingNeed need =
                new TrainingNeed(kind, trained, optimizerValues, weightBytes, 1, 1024, gradientCheckpointing);
        return MemoryEstimate.training(model, need).parts().stream()
                .map(MemoryEstimate.Part::bytes)
                .toList();
    }

    @Test
    void shouldStayInRangeWhenTheNumbersAreLarge() {
        assertThat(MemoryEstimate.inference(tiny, Long.MAX_VALUE, Integer.MAX_VALUE)
                        .bytes())
                .isEqualTo(Long.MAX_VALUE);
        assertThat(MemoryEstimate.training(
                                tiny,
                                TrainingNeed.withAdam(
                                        TrainingKind.LORA, Long.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE))
                        .bytes())
                .isEqualTo(Long.MAX_VALUE);
    }
}
