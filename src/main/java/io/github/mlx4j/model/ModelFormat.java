package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** What a model folder holds, by its files. */
public enum ModelFormat {
    /** A model as transformers writes it. */
    HF("transformers model"),
    /** An unquantized model as mlx-lm writes it. */
    MLX("MLX model"),
    /** A model that mlx-lm quantized. */
    MLX_QUANTIZED("MLX model, quantized"),
    /** An adapter as PEFT writes it. */
    PEFT_ADAPTER("PEFT adapter"),
    /** An adapter as mlx-lm writes it. */
    MLX_ADAPTER("MLX adapter"),
    /** DyLoRA-MoE: all weights, of the base and of the experts, as the wrapper names them, and the wrapper's config. */
    DYLORA_WRAPPED("DyLoRA-MoE model, whole"),
    /** DyLoRA-MoE: the same weights with the base model's config, which has {@code _dylora_*} fields. */
    DYLORA_BASE_CONFIG("DyLoRA-MoE model, whole, with the base model's config"),
    /** DyLoRA-MoE: pickled experts and router, to be put on the base model. */
    DYLORA_SEPARATED("DyLoRA-MoE experts, pickled"),
    /** DyLoRA-MoE: experts as PEFT adapters and a router, to be put on the base model. */
    DYLORA_CHECKPOINT("DyLoRA-MoE checkpoint"),
    /** llama.cpp's format. */
    GGUF("GGUF file"),
    /** None of these. */
    UNKNOWN("unknown");

    /** What DyLoRA-MoE puts beside, or in, the folder of a model. */
    static final String DYLORA_STATE = "dylo_moe_state";

    private final String label;

    ModelFormat(String label) {
        this.label = label;
    }

    /** A stable name for programs: {@code hf}, {@code mlx}, {@code mlx_quantized} and so on. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The name for people. */
    public String label() {
        return label;
    }

    /** Whether it is an adapter, which changes nothing without its base model. */
    public boolean isAdapter() {
        return this == PEFT_ADAPTER || this == MLX_ADAPTER;
    }

    /** Whether it is one of DyLoRA-MoE's. */
    public boolean isDylora() {
        return name().startsWith("DYLORA");
    }

    /** Whether it is a model of its own, with config and weights. */
    boolean isModel() {
        return Set.of(HF, MLX, MLX_QUANTIZED).contains(this);
    }

    /**
     * Tells the format of a folder, or of a {@code *.gguf} file. A damaged folder still has one, if its files show what
     * it was meant to be; {@link ModelInspector} says what is wrong with it.
     *
     * @throws io.github.mlx4j.error.ModelNotFoundException if there is no such folder
     * @throws io.github.mlx4j.error.ModelLoadException if the folder can't be listed
     */
    public static ModelFormat detect(Path folder) {
        return of(ModelFolder.open(folder));
    }

    static ModelFormat of(ModelFolder folder) {
        JsonNode adapter = folder.json("adapter_config.json");
        if (adapter.has("peft_type") || folder.has("adapter_model.safetensors")) {
            return PEFT_ADAPTER;
        }
        if (adapter.has("num_layers") || folder.has("adapters.safetensors")) {
            return MLX_ADAPTER;
        }
        if (folder.has("adapter_config.json")) {
            return PEFT_ADAPTER;
        }
        List<String> weights = Weights.topLevel(folder);
        boolean model = folder.names().contains("config.json") || !weights.isEmpty();
        if (!model && folder.names().stream().noneMatch(Weights::isPickle)) {
            return folder.names().stream().anyMatch(ModelFolder::isGguf) ? GGUF : UNKNOWN;
        }
        JsonNode config = folder.json("config.json");
        ModelFormat dylora = dylora(folder, config, weights, model);
        if (dylora != UNKNOWN) {
            return dylora;
        }
        if (config.path("quantization").isObject()) {
            return MLX_QUANTIZED;
        }
        boolean mlx = weights.stream()
                .anyMatch(name -> folder.header(name)
                        .filter(header -> "mlx".equals(header.metadata().get("format")))
                        .isPresent());
        return mlx ? MLX : HF;
    }

    private static ModelFormat dylora(ModelFolder folder, JsonNode config, List<String> weights, boolean model) {
        boolean type =
                config.path("model_type").asText().toLowerCase(Locale.ROOT).contains("dylora");
        boolean fields = names(config).anyMatch(name -> name.startsWith("_dylora_"));
        if (!type && !fields && !(model && hasState(folder.path()) && !isPlain(folder, config, weights))) {
            return UNKNOWN;
        }
        if (Experts.pickled(folder)) {
            return DYLORA_SEPARATED;
        }
        if (config.path("checkpoint_type").asText().equals("peft_only") || Experts.any(folder)) {
            return DYLORA_CHECKPOINT;
        }
        if (config.path("_dylora_format").asText().equals("peft_separated")) {
            return DYLORA_SEPARATED;
        }
        return type ? DYLORA_WRAPPED : DYLORA_BASE_CONFIG;
    }

    /** A model of its own may have a state beside it by chance. */
    private static boolean isPlain(ModelFolder folder, JsonNode config, List<String> weights) {
        return config.path("model_type").isTextual()
                && !Files.isDirectory(folder.path().resolve(Experts.ROOT))
                && weights.stream()
                        .filter(name -> !name.equals(Weights.ROUTER))
                        .noneMatch(name -> Weights.hasExperts(folder, name));
    }

    private static boolean hasState(Path folder) {
        Path parent = ModelFolder.real(folder).getParent();
        return Files.isDirectory(folder.resolve(DYLORA_STATE))
                || (parent != null && Files.isDirectory(parent.resolve(DYLORA_STATE)));
    }

    private static Stream<String> names(JsonNode object) {
        return object.properties().stream().map(Map.Entry::getKey);
    }
}
