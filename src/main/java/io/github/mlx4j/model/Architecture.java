package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import org.jspecify.annotations.Nullable;

/**
 * The sizes of a decoder, by its config.
 *
 * @param layers how many
 * @param hiddenSize values of a token between two layers
 * @param heads of attention
 * @param keyValueHeads heads that have keys and values of their own
 * @param headSize values of a head
 * @param vocabularySize tokens that there are, or {@code null} where the config doesn't say
 */
public record Architecture(
        int layers,
        int hiddenSize,
        int heads,
        int keyValueHeads,
        int headSize,
        @Nullable Integer vocabularySize) {

    /** Reads it, or gives {@code null} where the config has no such sizes. */
    public static @Nullable Architecture of(JsonNode whole) {
        JsonNode config = ConfigJson.text(whole);
        Integer layers = ConfigJson.size(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers");
        Integer hidden = ConfigJson.size(config, "hidden_size", "n_embd", "d_model");
        Integer heads = ConfigJson.size(config, "num_attention_heads", "n_head", "n_heads", "num_heads");
        if (layers == null || hidden == null || heads == null) {
            return null;
        }
        Integer keyValueHeads = config.path("multi_query").asBoolean(false)
                        && !config.path("new_decoder_architecture").asBoolean(false)
                ? Integer.valueOf(1)
                : ConfigJson.size(config, "num_key_value_heads", "num_kv_heads", "n_head_kv");
        Integer headSize = ConfigJson.size(config, "head_dim");
        return new Architecture(
                layers,
                hidden,
                heads,
                keyValueHeads == null ? heads : keyValueHeads,
                headSize == null ? Math.max(1, hidden / heads) : headSize,
                ConfigJson.size(config, "vocab_size"));
    }
}
