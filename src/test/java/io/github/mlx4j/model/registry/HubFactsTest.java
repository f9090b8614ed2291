package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class HubFactsTest {

    private static final RegisteredModel PHI =
            ModelRegistry.builtIn().find(ModelRegistry.DEFAULT_MLX).orElseThrow();
    private static final long WEIGHTS = 3_821_079_552L * 9 / 16;

    private static ObjectNode config() throws IOException {
        return (ObjectNode) new JsonMapper().readTree("""
                        {"model_type": "phi3", "num_hidden_layers": 32, "hidden_size": 3072, "num_attention_heads": 32,
                         "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096,
                         "quantization": {"bits": 4, "group_size": 64}}
                        """);
    }

    private static HubFacts facts(long weightBytes, String licence, JsonNode config) {
        return HubFacts.of("abc", weightBytes + 1000, weightBytes, licence, false, config);
    }

    @Test
    void shouldFindNothingWhenAllIsAsListed() throws IOException {
        assertThat(facts(WEIGHTS + WEIGHTS / 50, "mit", config()).differences(PHI))
                .isEmpty();
    }

    @Test
    void shouldNameWhatTheHubSaysOtherwise() throws IOException {
        ObjectNode config = config().put("num_hidden_layers", 16).put("max_position_embeddings", 8192);
        config.remove("quantization");

        assertThat(facts(2 * WEIGHTS, "apache-2.0", config).differences(PHI))
                .satisfiesExactly(
                        licence -> assertThat(licence).isEqualTo("licence: the registry says mit, the hub apache-2.0"),
                        context -> assertThat(context).isEqualTo("contextLength: the registry says 4096, the hub 8192"),
                        sizes -> assertThat(sizes).startsWith("architecture").contains("layers=16"),
                        quantization -> assertThat(quantization)
                                .isEqualTo("quantization: the registry says 4 bits in groups of 64, the hub none"),
                        weights -> assertThat(weights)
                                .isEqualTo("weights: the registry's parameters make 2.1 GB, the hub has 4.3 GB"));
    }

    @Test
    void shouldSayThatTheHubSaysNothingWhenItDoesNot() {
        assertThat(facts(WEIGHTS, null, null).differences(PHI))
                .contains("licence: the registry says mit, the hub nothing")
                .contains("contextLength: the registry says 4096, the hub nothing");
    }
}
