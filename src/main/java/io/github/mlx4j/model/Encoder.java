package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import java.util.Set;
import java.util.stream.StreamSupport;

/**
 * Distinguishes encoders, whose tokens attend to later tokens, from models that generate text. The hf worker uses the
 * same rules.
 */
final class Encoder {

    /** The model types of the masked language models in transformers, except those that also have a decoder. */
    private static final Set<String> TYPES = Set.of(
            "albert",
            "bert",
            "big_bird",
            "camembert",
            "convbert",
            "data2vec-text",
            "deberta",
            "deberta-v2",
            "distilbert",
            "electra",
            "ernie",
            "esm",
            "eurobert",
            "flaubert",
            "fnet",
            "gte",
            "ibert",
            "jina_embeddings_v3",
            "longformer",
            "luke",
            "megatron-bert",
            "mobilebert",
            "modernbert",
            "mpnet",
            "nomic_bert",
            "nystromformer",
            "rembert",
            "roberta",
            "roberta-prelayernorm",
            "roc_bert",
            "roformer",
            "squeezebert",
            "xlm",
            "xlm-roberta",
            "xlm-roberta-xl",
            "xmod",
            "yoso");

    private Encoder() {}

    /** Returns whether a config.json describes an encoder. */
    static boolean is(JsonNode config) {
        JsonNode causal = config.path("is_causal");
        if ((causal.isBoolean() && !causal.booleanValue())
                || config.path("use_bidirectional_attention").asBoolean(false)) {
            return true;
        }
        boolean generates = StreamSupport.stream(config.path("architectures").spliterator(), false)
                .map(JsonNode::asText)
                .anyMatch(name -> name.endsWith("ForCausalLM") || name.endsWith("LMHeadModel"));
        return TYPES.contains(config.path("model_type").asText())
                && !ConfigJson.isTrue(config, "is_decoder")
                && !ConfigJson.isTrue(config, "is_encoder_decoder")
                && !generates;
    }
}
