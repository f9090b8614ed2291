package io.github.mlx4j.remote;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Converts requests into LangChain4j's chat requests. */
final class ChatRequests {

    private static final JsonMapper JSON = new JsonMapper();

    /** Top-level keywords of a tool's parameter schema that are passed on, or that carry no meaning for a model. */
    private static final Set<String> KNOWN = Set.of(
            "type",
            "properties",
            "required",
            "description",
            "additionalProperties",
            "$schema",
            "$id",
            "title",
            "$defs");

    private ChatRequests() {}

    /**
     * Converts a request.
     *
     * @throws InvalidRequestException for a value that no provider accepts
     * @throws NotSupportedException for an option that this provider does not support
     */
    static ChatRequest of(GenerationRequest request, ProviderKind kind, Vendor vendor) {
        check(request);
        new UnsupportedOptions(kind)
                .ifSet("a prompt that is not a chat", request.prompt() instanceof Prompt.Chat ? null : true, null)
                .ifSet("logitBias", request.sampling().logitBias().isEmpty() ? null : true, null)
                .ifSet("logProbs", request.logProbs(), null)
                .ifSet("cacheSalt", request.cacheSalt(), null)
                .ifSet("a regular expression as response format", is(request, ResponseFormat.Regex.class), null)
                .ifSet("a choice as response format", is(request, ResponseFormat.Choice.class), null)
                .refuse();
        return ChatRequest.builder()
                .messages(messages(((Prompt.Chat) request.prompt()).messages()))
                .parameters(vendor.parameters(request))
                .build();
    }

    /** Converts the tools of a request. {@code defs} says whether a schema may contain definitions. */
    static List<ToolSpecification> tools(GenerationRequest request, boolean defs) {
        return request.tools().stream().map(tool -> tool(tool, defs)).toList();
    }

    /** Returns the response format, or null if the request has none. */
    static dev.langchain4j.model.chat.request.@Nullable ResponseFormat format(
            GenerationRequest request, ProviderKind kind) {
        ResponseFormat format = request.responseFormat();
        if (format == null) {
            return null;
        }
        dev.langchain4j.model.chat.request.ResponseFormat.Builder json =
                dev.langchain4j.model.chat.request.ResponseFormat.builder().type(ResponseFormatType.JSON);
        if (format instanceof ResponseFormat.JsonSchema schema) {
            object("The response format's schema", schema.schema());
            json.jsonSchema(JsonSchema.builder()
                    .name("answer")
                    .rootElement(JsonRawSchema.from(schema.schema()))
                    .build());
        }
        return json.build();
    }

    /** Returns the seed, if it is in the range that these servers accept. */
    static @Nullable Integer seed(Sampling sampling, ProviderKind kind) {
        Long seed = sampling.seed();
        new UnsupportedOptions(kind)
                .ifSet(
                        "a seed above " + Integer.MAX_VALUE,
                        seed == null || seed <= Integer.MAX_VALUE ? null : seed,
                        null)
                .refuse();
        return seed == null ? null : seed.intValue();
    }

    /** Parses a JSON object. */
    static JsonNode object(String what, String json) {
        try {
            JsonNode object = JSON.readTree(json);
            if (object.isObject()) {
                return object;
            }
            throw new InvalidRequestException(what + " must be a JSON object.", "Correct the JSON.");
        } catch (JsonProcessingException error) {
            throw new InvalidRequestException(
                    what + " must be a JSON object: " + error.getOriginalMessage(), "Correct the JSON.", error);
        }
    }

    private static @Nullable Boolean is(GenerationRequest request, Class<? extends ResponseFormat> type) {
        return type.isInstance(request.responseFormat()) ? true : null;
    }

    /** Applies the same checks as the workers, so that an invalid value causes the same error with every provider. */
    private static void check(GenerationRequest request) {
        Sampling sampling = request.sampling();
        range("maxTokens", request.maxTokens(), 1, Integer.MAX_VALUE);
        range("temperature", sampling.temperature(), 0, 100);
        range("topP", sampling.topP(), Double.MIN_VALUE, 1);
        range("topK", sampling.topK(), 0, Integer.MAX_VALUE);
        range("minP", sampling.minP(), 0, 1);
        range("seed", sampling.seed(), 0, Long.MAX_VALUE);
        range("repetitionPenalty", sampling.repetitionPenalty(), Double.MIN_VALUE, 10);
        range("presencePenalty", sampling.presencePenalty(), -10, 10);
        range("frequencyPenalty", sampling.frequencyPenalty(), -10, 10);
        if (request.stop().size() > 16 || request.stop().contains("")) {
            throw new InvalidRequestException("stop must be a list of at most 16 non-empty strings.", "");
        }
        if (request.responseFormat() != null
                && !(request.stop().isEmpty() && request.tools().isEmpty())) {
            throw new InvalidRequestException(
                    (request.stop().isEmpty() ? "tools" : "stop") + " can't be combined with responseFormat.",
                    "Leave one of them out: after a stop string or a tool call, the answer may not match the format.");
        }
        if (request.prompt() instanceof Prompt.Chat chat && chat.messages().isEmpty()) {
            throw new InvalidRequestException("The request has no messages.", "Add at least one.");
        }
    }

    private static void range(String name, @Nullable Number value, double low, double high) {
        if (value != null && !(value.doubleValue() >= low && value.doubleValue() <= high)) {
            throw new InvalidRequestException(
                    "%s is %s, but must be %s %.0f to %.0f."
                            .formatted(name, value, low == Double.MIN_VALUE ? "above" : "from", low, high),
                    "");
        }
    }

    private static List<ChatMessage> messages(List<Message> messages) {
        List<ChatMessage> given = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            Message message = messages.get(i);
            boolean mayBeEmpty =
                    message.role() == Message.Role.TOOL || !message.toolCalls().isEmpty();
            if (message.content().isBlank() && !mayBeEmpty) {
                throw new InvalidRequestException("messages[" + i + "].content is empty.", "Leave the message out.");
            }
            given.add(message(message, messages.subList(0, i)));
        }
        return given;
    }

    private static ChatMessage message(Message message, List<Message> before) {
        return switch (message.role()) {
            case SYSTEM -> SystemMessage.from(message.content());
            case USER -> UserMessage.from(message.content());
            case ASSISTANT ->
                AiMessage.builder()
                        .text(message.content().isEmpty() ? null : message.content())
                        .toolExecutionRequests(message.toolCalls().stream()
                                .map(ChatRequests::call)
                                .toList())
                        .build();
            case TOOL -> {
                String id = message.toolCallId();
                if (id == null) {
                    throw new InvalidRequestException(
                            "A tool message does not say which tool call it answers.", "Create it with Message.tool.");
                }
                String name = before.stream()
                        .flatMap(earlier -> earlier.toolCalls().stream())
                        .filter(call -> call.id().equals(id))
                        .map(ToolCall::name)
                        .reduce((first, last) -> last)
                        .orElse("tool");
                yield ToolExecutionResultMessage.from(id, name, message.content());
            }
        };
    }

    private static ToolExecutionRequest call(ToolCall call) {
        object("The arguments of the call to " + call.name(), call.arguments());
        return ToolExecutionRequest.builder()
                .id(call.id())
                .name(call.name())
                .arguments(call.arguments())
                .build();
    }

    private static ToolSpecification tool(ToolSpec tool, boolean defs) {
        ToolSpecification.Builder specification =
                ToolSpecification.builder().name(tool.name()).description(tool.description());
        String parameters = tool.parameters();
        if (parameters != null) {
            specification.parameters(
                    parameters(tool.name(), object("The parameters of the tool " + tool.name(), parameters), defs));
        }
        return specification.build();
    }

    /**
     * Converts a tool's schema. The schema only guides the model, so keywords that say nothing about arguments are
     * dropped.
     */
    private static JsonObjectSchema parameters(String tool, JsonNode schema, boolean defs) {
        List<String> unknown = new ArrayList<>();
        schema.fieldNames().forEachRemaining(name -> {
            if (!KNOWN.contains(name) || (name.equals("$defs") && !defs)) {
                unknown.add(name);
            }
        });
        if (!unknown.isEmpty() || !schema.path("type").asText("object").equals("object")) {
            throw new NotSupportedException(
                    unknown.isEmpty()
                            ? "The parameters of the tool " + tool + " are not of the type object."
                            : "The parameters of the tool %s have %s at the top level, which can't be passed on to the provider."
                                    .formatted(tool, String.join(", ", unknown)),
                    "Describe the parameters with properties and required.");
        }
        JsonObjectSchema.Builder object = JsonObjectSchema.builder();
        schema.path("properties")
                .properties()
                .forEach(property -> object.addProperty(
                        property.getKey(),
                        JsonRawSchema.from(property.getValue().toString())));
        List<String> required = new ArrayList<>();
        schema.path("required").forEach(name -> required.add(name.asText()));
        object.required(required);
        if (schema.path("description").isTextual()) {
            object.description(schema.path("description").asText());
        }
        if (schema.path("additionalProperties").isBoolean()) {
            object.additionalProperties(schema.path("additionalProperties").asBoolean());
        }
        if (schema.has("$defs")) {
            object.definitions(schema.path("$defs").properties().stream()
                    .collect(Collectors.toMap(
                            Map.Entry::getKey,
                            definition ->
                                    JsonRawSchema.from(definition.getValue().toString()))));
        }
        return object.build();
    }
}
