package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The format of a model folder, detected from its files. */
public enum ModelFormat {
    /** A model in the format of transformers. */
    HF("transformers model"),
    /** An unquantized model in the format of mlx-lm. */
    MLX("MLX model"),
    /** A model quantized by mlx-lm. */
    MLX_QUANTIZED("MLX model, quantized"),
    /** An adapter in PEFT format. */
    PEFT_ADAPTER("PEFT adapter"),
    /** An adapter in mlx-lm format. */
    MLX_ADAPTER("MLX adapter"),
    /** DyLoRA-MoE: all weights, of the base model and the experts, with the names and the config of the wrapper. */
    DYLORA_WRAPPED("DyLoRA-MoE model, whole"),
    /** DyLoRA-MoE: the same weights, with the config of the base model and additional {@code _dylora_*} fields. */
    DYLORA_BASE_CONFIG("DyLoRA-MoE model, whole, with the base model's config"),
    /** DyLoRA-MoE: pickled experts and router, which need the base model. */
    DYLORA_SEPARATED("DyLoRA-MoE experts, pickled"),
    /** DyLoRA-MoE: experts as PEFT adapters and a router, which need the base model. */
    DYLORA_CHECKPOINT("DyLoRA-MoE checkpoint"),
    /** The format of llama.cpp. */
    GGUF("GGUF file"),
    /** None of these formats. */
    UNKNOWN("unknown");

    /** The folder that DyLoRA-MoE creates next to, or in, a model folder. */
    static final String DYLORA_STATE = "dylo_moe_state";

    private final String label;

    ModelFormat(String label) {
        this.label = label;
    }

    /** Returns a stable name for programs: {@code hf}, {@code mlx}, {@code mlx_quantized} and so on. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns a human-readable name. */
    public String label() {
        return label;
    }

    /** Returns whether this is an adapter, which has no effect without its base model. */
    public boolean isAdapter() {
        return this == PEFT_ADAPTER || this == MLX_ADAPTER;
    }

    /** Returns whether this is a DyLoRA-MoE format. */
    public boolean isDylora() {
        return name().startsWith("DYLORA");
    }

    /** Returns whether this is a complete model with config and weights. */
    boolean isModel() {
        return Set.of(HF, MLX, MLX_QUANTIZED).contains(this);
    }

    /**
     * Detects the format of a folder, or of a {@code *.gguf} file. A damaged folder also has a format if its files show
     * what it was meant to be; use {@link ModelInspector} to find out what is wrong with it.
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

    /** Returns whether this is an ordinary model, which may have an unrelated state folder next to it. */
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
