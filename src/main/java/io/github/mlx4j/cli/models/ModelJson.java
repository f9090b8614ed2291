package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.model.registry.HubCache;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.model.registry.RegisteredModel;
import io.github.mlx4j.provider.ModelRole;
import java.util.LinkedHashMap;
import java.util.Map;

/** Registry models as JSON: the fields of the registry file and values derived from them. */
final class ModelJson {

    private ModelJson() {}

    /** Returns the JSON of an object with one field. */
    static String text(String name, Object value) {
        return Json.text(Map.of(name, value));
    }

    static String text(Map<String, Object> fields) {
        return Json.text(fields);
    }

    static Map<String, Object> of(RegisteredModel model, HubCache cache) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("id", model.id());
        json.put("provider", model.provider().id());
        json.put("hfCounterpart", model.hfCounterpart());
        json.put("family", model.family());
        json.put("parameters", model.parameters());
        json.put("quantization", model.quantization());
        json.put("dtype", model.dtype());
        json.put("contextLength", model.contextLength());
        json.put("architecture", model.architecture());
        json.put("licence", model.licence());
        json.put("roles", model.roles().stream().sorted().map(ModelRole::id).toList());
        json.put("source", model.source());
        json.put("aliases", model.aliases());
        json.put("verified", model.verified());
        json.put("memory", memory(model, Math.min(ModelsCommand.TOKENS, model.contextLength())));
        json.put("cached", cached(cache.state(model.id())));
        json.put("cachedBytes", cache.bytes(model.id()));
        return json;
    }

    /** Returns the memory footprint for this many tokens, with its calculation. */
    static Map<String, Object> memory(RegisteredModel model, int tokens) {
        MemoryEstimate estimate = MemoryEstimate.inference(model, tokens);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("tokens", tokens);
        json.put("bytes", estimate.bytes());
        json.put("explanation", estimate.explain());
        return json;
    }

    static String cached(HubCache.State state) {
        return switch (state) {
            case ABSENT -> "no";
            case PART -> "partly";
            case WHOLE -> "yes";
        };
    }
}
