package io.github.mlx4j.it;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/**
 * A real model that is forced to give answers that it does not know. If a request has a schema, its response format
 * becomes that schema, restricted to one value. A schema that does not allow the value fails the request.
 *
 * @param model the model
 * @param answers the values by a substring of the question; the first match is used
 */
record GuidedTextGeneration(TextGenerationPort model, JsonNode answers) implements TextGenerationPort {

    private static final JsonMapper JSON = new JsonMapper();

    /** Led to what LangChain4j's suites expect. */
    static TextGenerationPort over(TextGenerationPort model) {
        Path answers = Path.of("src", "test", "resources", "langchain4j", "answers.json");
        try {
            return new GuidedTextGeneration(model, JSON.readTree(answers.toFile()));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public GenerationResult generate(GenerationRequest request) {
        return model.generate(led(request));
    }

    @Override
    public CompletableFuture<GenerationResult> generateAsync(GenerationRequest request) {
        return model.generateAsync(led(request));
    }

    @Override
    public GenerationStream stream(GenerationRequest request) {
        return model.stream(led(request));
    }

    @Override
    public Cancellation stream(GenerationRequest request, GenerationListener listener) {
        return model.stream(led(request), listener);
    }

    private GenerationRequest led(GenerationRequest request) {
        if (!(request.responseFormat() instanceof ResponseFormat.JsonSchema format)) {
            return request;
        }
        String asked = ((Prompt.Chat) request.prompt()).messages().get(0).content();
        JsonNode answer = answers.properties().stream()
                .filter(known -> asked.contains(known.getKey()))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("No answer is known to: " + asked))
                .getValue();
        return request.toBuilder()
                .responseFormat(
                        ResponseFormat.jsonSchema(both(format.schema(), answer).toString()))
                .build();
    }

    private static ObjectNode both(String text, JsonNode value) {
        ObjectNode both = JSON.createObjectNode();
        JsonNode schema = parsed(text);
        both.putArray("allOf").add(schema).addObject().set("const", value);
        if (schema.has("$defs")) {
            both.set("$defs", schema.get("$defs")); // references start at the root
        }
        return both;
    }

    private static JsonNode parsed(String schema) {
        try {
            return JSON.readTree(schema);
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException(error);
        }
    }
}
