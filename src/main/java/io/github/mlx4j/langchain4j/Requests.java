package io.github.mlx4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Converts LangChain4j's requests. */
final class Requests {

    private Requests() {}

    /**
     * Converts a request for a port.
     *
     * @throws UnsupportedFeatureException if no port supports a part of the request
     */
    static GenerationRequest of(ChatRequest request, TextGenerationPort port) {
        check(request.parameters(), port);
        Mlx4jChatRequestParameters given = Mlx4jChatRequestParameters.EMPTY.overrideWith(request.parameters());
        Integer maxTokens = given.maxOutputTokens();
        List<Message> messages = messages(request.messages());
        io.github.mlx4j.generation.ResponseFormat format = format(given.responseFormat());
        if (format instanceof io.github.mlx4j.generation.ResponseFormat.JsonSchema held) {
            messages = told(messages, held.schema());
        }
        return new GenerationRequest(
                new Prompt.Chat(messages),
                new Sampling(
                        given.temperature(),
                        given.topP(),
                        given.topK(),
                        given.minP(),
                        given.seed(),
                        given.repetitionPenalty(),
                        given.presencePenalty(),
                        given.frequencyPenalty(),
                        given.logitBias()),
                maxTokens == null ? GenerationRequest.DEFAULT_MAX_TOKENS : maxTokens,
                given.stopSequences(),
                format,
                given.toolChoice() == ToolChoice.NONE ? List.of() : tools(given.toolSpecifications()),
                given.thinking(),
                null,
                given.cacheSalt(),
                given.deadline());
    }

    /** Returns the parameters with the name of the port's model added, for listeners. */
    static ChatRequestParameters named(Mlx4jChatRequestParameters parameters, TextGenerationPort port) {
        return modelName(port)
                .<ChatRequestParameters>map(name -> Mlx4jChatRequestParameters.builder()
                        .overrideWith(parameters)
                        .modelName(name)
                        .build())
                .orElse(parameters);
    }

    private static Optional<String> modelName(TextGenerationPort port) {
        try {
            return port.modelName();
        } catch (Mlx4jException unavailable) { // the request itself will fail with the cause
            return Optional.empty();
        }
    }

    /** Fails if the port does not support one of the parameters. */
    static void check(ChatRequestParameters parameters, TextGenerationPort port) {
        if (parameters.modelName() != null
                && !modelName(port).filter(parameters.modelName()::equals).isPresent()) {
            throw unsupported("modelName", "the port that the model was created with determines it");
        }
        if (parameters.toolChoice() == ToolChoice.REQUIRED) {
            throw unsupported("ToolChoice.REQUIRED", "the model chooses whether it calls a tool");
        }
    }

    /** Converts messages for a port. */
    static List<Message> messages(List<ChatMessage> messages) {
        return messages.stream().map(Requests::message).toList();
    }

    private static Message message(ChatMessage message) {
        if (message instanceof SystemMessage system) {
            return Message.system(system.text());
        }
        if (message instanceof UserMessage user) {
            if (user.name() != null) {
                throw unsupported("The name of a user message", "chat templates have no field for it");
            }
            return Message.user(text(user.contents()));
        }
        if (message instanceof AiMessage answer) {
            if (!answer.images().isEmpty()) {
                throw unsupported("An image in a message", "models accept only text");
            }
            if (answer.attributes().containsKey("generated_audio")) { // since 1.23
                throw unsupported("Audio in a message", "models accept only text");
            }
            return Message.assistant(
                    answer.text() == null ? "" : answer.text(),
                    answer.toolExecutionRequests().stream().map(Requests::call).toList());
        }
        if (message instanceof ToolExecutionResultMessage result) {
            return new Message(
                    Message.Role.TOOL, text(result.contents()), List.of(), id(result.id(), result.toolName()));
        }
        throw unsupported(
                "A message of the type " + message.type(), "models accept only system, user, AI and tool messages");
    }

    private static String text(List<Content> contents) {
        return contents.stream().map(Requests::text).collect(Collectors.joining("\n"));
    }

    private static String text(Content content) {
        if (content instanceof TextContent text) {
            return text.text();
        }
        throw unsupported(
                "A message with non-text content (" + content.type().name().toLowerCase(Locale.ROOT) + ")",
                "models accept only text");
    }

    private static ToolCall call(ToolExecutionRequest call) {
        String arguments = call.arguments();
        return new ToolCall(
                id(call.id(), call.name()), call.name(), arguments == null || arguments.isBlank() ? "{}" : arguments);
    }

    /** Returns the ID of a call, which is optional in LangChain4j. */
    private static String id(@Nullable String id, String tool) {
        return id == null ? tool : id;
    }

    private static List<ToolSpec> tools(List<ToolSpecification> tools) {
        return tools.stream().map(Requests::tool).toList();
    }

    private static ToolSpec tool(ToolSpecification tool) {
        return new ToolSpec(
                tool.name(), tool.description(), tool.parameters() == null ? null : Schemas.json(tool.parameters()));
    }

    private static io.github.mlx4j.generation.@Nullable ResponseFormat format(@Nullable ResponseFormat format) {
        if (format == null || format.type() != ResponseFormatType.JSON) {
            return null;
        }
        JsonSchema schema = format.jsonSchema();
        return schema == null
                ? io.github.mlx4j.generation.ResponseFormat.json()
                : io.github.mlx4j.generation.ResponseFormat.jsonSchema(Schemas.closed(schema.rootElement()));
    }

    /** Appends the schema to the last user message, because a response format is not visible to the model. */
    private static List<Message> told(List<Message> messages, String schema) {
        List<Message> told = new ArrayList<>(messages);
        for (int i = told.size() - 1; i >= 0; i--) {
            if (told.get(i).role() == Message.Role.USER) {
                told.set(
                        i,
                        Message.user(told.get(i).content()
                                + "\n\nAnswer with JSON of this JSON schema, and with nothing else:\n" + schema));
                break;
            }
        }
        return told;
    }

    static UnsupportedFeatureException unsupported(String what, String why) {
        return new UnsupportedFeatureException(what + " is not supported by mlx4j: " + why + ".");
    }
}
