package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.DisplayText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the configuration of adapters and DyLoRA-MoE models into fields with uniform names. */
final class AdapterConfig {

    private static final int MAX_TARGETS = 100;

    private AdapterConfig() {}

    static Map<String, Object> ofPeft(JsonNode config) {
        Map<String, Object> fields = new LinkedHashMap<>();
        put(fields, "peftType", config.path("peft_type"));
        put(fields, "rank", config.path("r"));
        put(fields, "alpha", config.path("lora_alpha"));
        put(fields, "dropout", config.path("lora_dropout"));
        put(fields, "rslora", config.path("use_rslora"));
        put(fields, "dora", config.path("use_dora"));
        put(fields, "targets", config.path("target_modules"));
        return fields;
    }

    static Map<String, Object> ofMlx(JsonNode config) {
        Map<String, Object> fields = new LinkedHashMap<>();
        JsonNode lora = config.path("lora_parameters");
        put(fields, "fineTuneType", config.path("fine_tune_type"));
        put(fields, "layers", config.path("num_layers"));
        put(fields, "rank", lora.path("rank"));
        put(fields, "scale", lora.path("scale"));
        put(fields, "dropout", lora.path("dropout"));
        put(fields, "targets", lora.path("keys"));
        return fields;
    }

    /**
     * Reads the fields from config.json or, if they are missing there, from the config of the state folder. Other
     * fields that begin with {@code _dylora_} keep their names.
     */
    static Map<String, Object> ofDylora(ModelFolder folder) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (JsonNode config : List.of(folder.json("config.json"), folder.json("dylo_moe_state/config.json"))) {
            putFirst(fields, "experts", config, "_dylora_num_experts", "num_experts");
            putFirst(fields, "rank", config, "_dylora_lora_r", "lora_r");
            putFirst(fields, "alpha", config, "_dylora_lora_alpha", "lora_alpha");
            putFirst(fields, "dropout", config, "_dylora_lora_dropout", "lora_dropout");
            putFirst(fields, "savedAt", config, "_dylora_saved_at", "saved_at");
            config.properties().stream()
                    .filter(field -> field.getKey().startsWith("_dylora_"))
                    .limit(MAX_TARGETS)
                    .forEach(field -> put(fields, DisplayText.text(field.getKey()), field.getValue()));
        }
        return fields;
    }

    private static void putFirst(Map<String, Object> fields, String name, JsonNode config, String... keys) {
        for (String key : keys) {
            if (!fields.containsKey(name)) {
                put(fields, name, config.path(key));
            }
        }
    }

    private static void put(Map<String, Object> fields, String name, JsonNode value) {
        if (value.isTextual()) {
            fields.put(name, DisplayText.text(value.textValue()));
        } else if (value.isBoolean()) {
            fields.put(name, value.booleanValue());
        } else if (value.isNumber() && Double.isFinite(value.doubleValue())) {
            fields.put(name, value.numberValue());
        } else if (value.isArray()) {
            List<String> texts = new ArrayList<>();
            for (JsonNode one : value) {
                if (texts.size() < MAX_TARGETS) {
                    texts.add(DisplayText.text(one.asText()));
                }
            }
            fields.put(name, List.copyOf(texts));
        }
    }
}
