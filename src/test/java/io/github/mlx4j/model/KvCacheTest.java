package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvCacheTest {

    private static final String LLAMA =
            "\"num_hidden_layers\": 4, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_key_value_heads\": 2";

    @Test
    void shouldMultiplyWhenTheCacheIsPlain() throws IOException {
        KvCache cache = find("{%s, \"layer_types\": [\"full_attention\"]}".formatted(LLAMA))
                .cache();

        assertThat(cache.bytesPerToken()).isEqualTo(2 * 4 * 2 * 8 * 2);
        assertThat(cache.bytes(100)).isEqualTo(100 * 256);
        assertThat(cache.explanation()).isEqualTo("2 (keys, values) × 4 layers × 2 KV heads × 8 head size × 2 bytes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"n_layer\": 2, \"n_embd\": 8, \"n_head\": 2} | 64",
                "{\"n_layer\": 2, \"n_embd\": 8, \"n_head\": 2, \"multi_query\": true} | 32",
                "{\"text_config\": {\"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2}} | 64",
                "{\"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2, \"head_dim\": 8} | 128",
                "{\"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2, \"mamba_d_state\": null} | 64"
            })
    void shouldReadTheSizesUnderAnyOfTheirNames(String config, long bytes) throws IOException {
        assertThat(find(config).cache().bytesPerToken()).isEqualTo(bytes);
    }

    @Test
    void shouldStopAtTheWindowWhenLayersSlide() throws IOException {
        KvCache.Finding finding = find(
                "{%s, \"sliding_window\": 10, \"layer_types\": [\"sliding_attention\", \"sliding_attention\", \"sliding_attention\", \"full_attention\"]}"
                        .formatted(LLAMA));

        assertThat(finding.note()).isEqualTo("3 of 4 layers keep the last 10 tokens only");
        assertThat(finding.cache().bytesPerToken()).isEqualTo(256);
        assertThat(finding.cache().bytes(100)).isEqualTo(64 * (100 + 3 * 10));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"model_type\": \"gemma2\" | 2",
                "\"model_type\": \"cohere2\" | 3",
                "\"model_type\": \"cohere2\", \"sliding_window_pattern\": 2 | 2",
                "\"model_type\": \"gemma3_text\" | 4",
                "\"model_type\": \"gemma3\", \"sliding_window_pattern\": 3 | 3",
                "\"model_type\": \"exaone4\", \"sliding_window_pattern\": 4 | 3"
            })
    void shouldCountSlidingLayersWhenThePatternSaysWhich(String fields, int sliding) throws IOException {
        KvCache.Finding finding = find("{%s, \"sliding_window\": 10, %s}".formatted(LLAMA, fields));

        assertThat(finding.cache().slidingLayers()).isEqualTo(sliding);
        assertThat(finding.cache().fullLayers()).isEqualTo(4 - sliding);
        assertThat(finding.note()).isEqualTo(sliding + " of 4 layers keep the last 10 tokens only");
        assertThat(find("{%s, %s}".formatted(LLAMA, fields)).note()).contains("but the config doesn't say how many");
    }

    @Test
    void shouldKnowThePatternWhenTheTextHasAPartOfItsOwn() throws IOException {
        String gemma3 = "{\"model_type\": \"gemma3\", \"text_config\": {%s, \"sliding_window\": 10}}".formatted(LLAMA);

        assertThat(find(gemma3).cache().slidingLayers()).isEqualTo(4);
        assertThat(find(gemma3.replace("layers\": 4", "layers\": 13")).cache().fullLayers())
                .isEqualTo(2);
    }

    @Test
    void shouldSayAtMostWhenNoLayerIsNamedToSlide() throws IOException {
        assertThat(find("{%s, \"sliding_window\": 10}".formatted(LLAMA)).note())
                .isEqualTo("at most: layers may keep the last 10 tokens only (sliding_window)");
        assertThat(find("{%s, \"sliding_window\": 10, \"use_sliding_window\": false}".formatted(LLAMA))
                        .note())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"kv_lora_rank\": 512 | keys and values are kept compressed (MLA)",
                "\"mamba_d_state\": 16 | some layers keep a state instead of each token (mamba_d_state)",
                "\"full_attention_interval\": 4 | some layers keep a state instead of each token",
                "\"model_type\": \"rwkv7\" | some layers keep a state instead of each token (rwkv7)",
                "\"model_type\": \"bailing_moe_linear\" | some layers keep a state instead of each token",
                "\"num_kv_shared_layers\": 2 | not every layer has the same keys and values",
                "\"layer_types\": [\"linear_attention\"] | some layers don't keep keys and values of each token",
                "\"layer_types\": [\"sliding_attention\"] | but the config doesn't say how many",
                "\"head_dim\": 2147483647, \"num_key_value_heads\": 2147483647 | the config's sizes can't be true"
            })
    void shouldSayWhyWhenTheCacheIsNotPlain(String field, String note) throws IOException {
        KvCache.Finding finding = find("{%s, %s}".formatted(LLAMA, field));

        assertThat(finding.cache()).isNull();
        assertThat(finding.note()).contains(note);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"model_type\": \"bert\" | true",
                "\"model_type\": \"modernbert\", \"architectures\": [\"ModernBertForMaskedLM\"] | true",
                "\"model_type\": \"gemma3_text\", \"use_bidirectional_attention\": true | true",
                "\"model_type\": \"llama\", \"is_causal\": false | true",
                "\"model_type\": \"roberta\", \"architectures\": [\"RobertaForCausalLM\"] | false",
                "\"model_type\": \"bert\", \"is_decoder\": true | false",
                "\"model_type\": \"llama\" | false"
            })
    void shouldBeNoneWhenTheModelIsAnEncoder(String fields, boolean none) throws IOException {
        KvCache.Finding finding = find("{%s, %s}".formatted(LLAMA, fields));

        assertThat(finding.cache().isNone()).isEqualTo(none);
        assertThat(finding.cache().bytes(100)).isEqualTo(none ? 0 : 25_600);
    }

    @Test
    void shouldSayWhyWhenTheSizesAreNotThere() throws IOException {
        assertThat(find("{\"num_hidden_layers\": \"4\"}").note()).isEqualTo("the config doesn't give the sizes");
    }

    @Test
    void shouldStayInRangeWhenTheNumbersAreLarge() throws IOException {
        KvCache cache = find("{%s, \"head_dim\": 1000000000}".formatted(LLAMA)).cache();

        assertThat(cache.bytes(Long.MAX_VALUE / 2)).isEqualTo(Long.MAX_VALUE);
    }

    private static KvCache.Finding find(String config) throws IOException {
        JsonNode node = new JsonMapper().readTree(config);
        return KvCache.of(node, Architecture.of(node), 2);
    }
}
