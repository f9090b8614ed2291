package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a model's KV cache needs per row of a batch.
 *
 * @param layerBytes the bytes per token and layer: 2 (keys and values) × KV heads × head size × bytes per value
 * @param fullLayers the number of layers that keep all tokens
 * @param slidingLayers the number of layers that keep only the last {@code window} tokens
 * @param window the sliding window in tokens, or 0 if there are no sliding layers
 * @param explanation the calculation, in human-readable form
 */
public record KvCache(long layerBytes, int fullLayers, int slidingLayers, int window, String explanation) {

    /** The default of the libraries for sliding_window_pattern if the config doesn't contain it. */
    private static final Map<String, Integer> PATTERNS =
            Map.of("gemma2", 2, "gemma3", 6, "gemma3_text", 6, "cohere2", 4);

    private static final KvCache NONE = new KvCache(0, 0, 0, 0, "");

    private static final Set<String> STATES = Set.of("rwkv7", "bailing_moe_linear");

    /**
     * Returns the cache of a model in which every layer keeps all tokens; {@code valueBytes} is the number of bytes per
     * value.
     */
    public static KvCache plain(Architecture sizes, int valueBytes) {
        long layer = Math.multiplyExact(2L * valueBytes * sizes.keyValueHeads(), (long) sizes.headSize());
        return new KvCache(layer, sizes.layers(), 0, 0, explain(sizes, valueBytes));
    }

    private static String explain(Architecture sizes, int valueBytes) {
        return "2 (keys, values) × %d layers × %d KV heads × %d head size × %d bytes"
                .formatted(sizes.layers(), sizes.keyValueHeads(), sizes.headSize(), valueBytes);
    }

    /** Returns whether the model has no KV cache because it is an encoder. */
    public boolean isNone() {
        return equals(NONE);
    }

    /** Returns the bytes for one more token, as long as the windows of the sliding layers aren't full. */
    public long bytesPerToken() {
        return bytes(1);
    }

    /**
     * Returns the bytes for a number of tokens, or {@link Long#MAX_VALUE} if the result doesn't fit into a
     * {@code long}.
     */
    public long bytes(long tokens) {
        try {
            long full = Math.multiplyExact(tokens, (long) fullLayers);
            long sliding = Math.multiplyExact(Math.min(tokens, window), (long) slidingLayers);
            return Math.multiplyExact(Math.addExact(full, sliding), layerBytes);
        } catch (ArithmeticException tooMuch) {
            return Long.MAX_VALUE;
        }
    }

    /**
     * The result of analyzing a config: a cache, or the reason why there is none.
     *
     * @param cache the cache, or {@code null} if its size can't be determined
     * @param note the reason, or a remark about the cache; may be empty
     */
    record Finding(@Nullable KvCache cache, String note) {}

    static Finding of(JsonNode whole, @Nullable Architecture sizes, int valueBytes) {
        if (Encoder.is(whole)) {
            return new Finding(NONE, "an encoder keeps no keys and values");
        }
        JsonNode config = ConfigJson.text(whole);
        String other = STATES.contains(type(whole, config))
                ? "some layers keep a state instead of each token (%s)".formatted(type(whole, config))
                : whyNotPlain(config);
        if (sizes == null || other != null) {
            return new Finding(null, other != null ? other : "the config doesn't give the sizes");
        }
        List<String> types = StreamSupport.stream(config.path("layer_types").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
        Integer window = ConfigJson.size(config, "sliding_window");
        int pattern = pattern(whole, config);
        int sliding = types.isEmpty()
                ? sizes.layers() - sizes.layers() / pattern
                : (int) types.stream().filter("sliding_attention"::equals).count();
        if (types.stream().anyMatch(type -> !type.equals("full_attention") && !type.equals("sliding_attention"))) {
            return new Finding(null, "some layers don't keep keys and values of each token (layer_types)");
        }
        boolean fewTypes = !types.isEmpty() && types.size() != sizes.layers();
        if (sliding > 0 && (window == null || fewTypes)) {
            return new Finding(null, "some layers keep the last tokens only, but the config doesn't say how many");
        }
        int full = sizes.layers() - sliding;
        KvCache plain;
        try {
            plain = plain(sizes, valueBytes);
        } catch (ArithmeticException tooMuch) {
            return new Finding(null, "the config's sizes can't be true");
        }
        String note = "";
        if (sliding > 0) {
            note = "%d of %d layers keep the last %d tokens only".formatted(sliding, sizes.layers(), window);
        } else if (types.isEmpty()
                && window != null
                && config.path("use_sliding_window").asBoolean(true)) {
            note = "at most: layers may keep the last %d tokens only (sliding_window)".formatted(window);
        }
        return new Finding(
                new KvCache(
                        plain.layerBytes, full, sliding, sliding > 0 && window != null ? window : 0, plain.explanation),
                note);
    }

    /**
     * Returns n if every n-th layer keeps all tokens and the others use a sliding window; 1 if all layers keep all
     * tokens, or if the config doesn't say.
     */
    private static int pattern(JsonNode whole, JsonNode config) {
        if (config.has("use_sliding_window")
                && !config.path("use_sliding_window").asBoolean()) {
            return 1;
        }
        Integer stated = ConfigJson.size(config, "sliding_window_pattern");
        return stated != null ? stated : PATTERNS.getOrDefault(type(whole, config), 1);
    }

    private static String type(JsonNode whole, JsonNode config) {
        return config.path("model_type").asText(whole.path("model_type").asText());
    }

    private static @Nullable String whyNotPlain(JsonNode config) {
        if (ConfigJson.size(config, "kv_lora_rank") != null) {
            return "keys and values are kept compressed (MLA)";
        }
        for (Map.Entry<String, JsonNode> field : config.properties()) {
            String name = field.getKey();
            boolean recurrent = name.startsWith("mamba_")
                    || name.startsWith("ssm_")
                    || name.startsWith("linear_num_")
                    || List.of("attn_layer_period", "hybrid_override_pattern", "layers_block_type", "block_types")
                            .contains(name)
                    || List.of("state_size", "conv_L_cache", "full_attn_idxs", "full_attention_interval")
                            .contains(name);
            if (recurrent && ConfigJson.isSet(config, name)) {
                return "some layers keep a state instead of each token (%s)".formatted(DisplayText.text(name));
            }
            boolean mixed = List.of("num_kv_shared_layers", "global_head_dim", "num_global_key_value_heads")
                    .contains(name);
            if (mixed && ConfigJson.size(config, name) != null) {
                return "not every layer has the same keys and values (%s)".formatted(name);
            }
        }
        return null;
    }
}
