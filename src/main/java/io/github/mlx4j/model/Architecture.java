package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import org.jspecify.annotations.Nullable;

/**
 * The dimensions of a decoder, read from its config.
 *
 * @param layers the number of layers
 * @param hiddenSize the hidden size: the number of values per token between two layers
 * @param heads the number of attention heads
 * @param keyValueHeads the number of heads with their own keys and values
 * @param headSize the number of values per head
 * @param vocabularySize the number of tokens in the vocabulary, or {@code null} if the config doesn't give it
 */
public record Architecture(
        int layers,
        int hiddenSize,
        int heads,
        int keyValueHeads,
        int headSize,
        @Nullable Integer vocabularySize) {

    /** Reads the dimensions, or returns {@code null} if the config doesn't contain them. */
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
