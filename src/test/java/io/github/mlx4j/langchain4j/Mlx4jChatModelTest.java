package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.testing.ScriptedAnswer;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(30)
class Mlx4jChatModelTest {

    private static final Duration TEN_SECONDS = Duration.ofSeconds(10);
    private static final ToolCall CALL = new ToolCall("c1", "weather", "{\"city\": \"Rome\"}");

    @Test
    void shouldGiveTextThinkingUsageReasonAndModelWhenAnswered() {
        ChatModel model = over(ScriptedAnswer.pieces("It ", "is.").withThinking("Hm."));

        ChatResponse response = model.chat(UserMessage.from("Is it?"));

        assertThat(response.aiMessage().text()).isEqualTo("It is.");
        assertThat(response.aiMessage().thinking()).isEqualTo("Hm.");
        assertThat(response.aiMessage().hasToolExecutionRequests()).isFalse();
        assertThat(response.metadata().modelName()).isEqualTo("scripted");
        assertThat(response.metadata().tokenUsage()).isEqualTo(new TokenUsage(1, 2, 3));
        assertThat(response.metadata().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(model.provider()).isEqualTo(ModelProvider.OTHER);
    }

    @Test
    void shouldTellListenersTheModelAndAnIdOfTheAnswer() {
        List<String> told = new ArrayList<>();
        ChatModel model = Mlx4jChatModel.builder(ScriptedTextGeneration.answering("Yes.", "Yes."))
                .listeners(new ChatModelListener() {
                    @Override
                    public void onRequest(ChatModelRequestContext context) {
                        told.add(context.chatRequest().modelName());
                    }

                    @Override
                    public void onResponse(ChatModelResponseContext context) {
                        told.add(context.chatResponse().id());
                    }
                })
                .build();

        model.chat("Is it?");
        ChatRequestParameters named =
                ChatRequestParameters.builder().modelName("scripted").build();
        model.chat(ChatRequest.builder()
                .messages(UserMessage.from("Is it?"))
                .parameters(named)
                .build());

        assertThat(told).hasSize(4).startsWith("scripted").element(2).isEqualTo("scripted");
        assertThat(told.get(1)).startsWith("mlx4j-").isNotEqualTo(told.get(3));
    }

    @Test
    void shouldGiveCallsWithoutTextWhenTheModelCallsTools() {
        ChatResponse response =
                over(ScriptedAnswer.text("").withToolCalls(CALL)).chat(UserMessage.from("Weather?"));

        assertThat(response.aiMessage().text()).isNull();
        assertThat(response.aiMessage().toolExecutionRequests())
                .containsExactly(ToolExecutionRequest.builder()
                        .id("c1")
                        .name("weather")
                        .arguments("{\"city\": \"Rome\"}")
                        .build());
        assertThat(response.metadata().finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    }

    @ParameterizedTest
    @EnumSource(io.github.mlx4j.generation.FinishReason.class)
    void shouldGiveAReasonWhenTheAnswerEndsForAny(io.github.mlx4j.generation.FinishReason reason) {
        ChatResponse response =
                over(ScriptedAnswer.text("a").withFinishReason(reason)).chat(UserMessage.from("b"));

        String name = reason == io.github.mlx4j.generation.FinishReason.TOOL_CALLS ? "TOOL_EXECUTION" : reason.name();
        assertThat(response.finishReason()).isEqualTo(FinishReason.valueOf(name));
    }

    @Test
    void shouldPassEveryKindOfMessageOnWhenAsked() {
        assertThat(asked(ChatRequest.builder()
                                .messages(
                                        SystemMessage.from("Be brief"),
                                        UserMessage.from(TextContent.from("a"), TextContent.from("b")),
                                        AiMessage.from(ToolExecutionRequest.builder()
                                                .id("c1")
                                                .name("weather")
                                                .arguments("{\"city\": \"Rome\"}")
                                                .build()),
                                        ToolExecutionResultMessage.from("c1", "weather", "sunny"),
                                        AiMessage.from("It is sunny"),
                                        UserMessage.from("Thanks"))
                                .build())
                        .prompt())
                .isEqualTo(new Prompt.Chat(List.of(
                        Message.system("Be brief"),
                        Message.user("a\nb"),
                        Message.assistant("", List.of(CALL)),
                        Message.tool(CALL, "sunny"),
                        Message.assistant("It is sunny"),
                        Message.user("Thanks"))));
    }

    @Test
    void shouldNameACallByItsToolWhenItHasNoId() {
        ToolExecutionRequest call = ToolExecutionRequest.builder().name("clock").build();
        Prompt prompt = asked(ChatRequest.builder()
                        .messages(AiMessage.from(call), ToolExecutionResultMessage.from(call, "noon"))
                        .build())
                .prompt();

        ToolCall ours = new ToolCall("clock", "clock", "{}");
        assertThat(prompt)
                .isEqualTo(new Prompt.Chat(List.of(Message.assistant("", List.of(ours)), Message.tool(ours, "noon"))));
    }

    @Test
    void shouldPassEveryParameterOnWhenGivenAsDefaultOrInTheRequest() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("ok");
        Mlx4jChatModel model = Mlx4jChatModel.builder(llm)
                .defaultRequestParameters(Mlx4jChatRequestParameters.builder()
                        .temperature(0.9)
                        .topP(0.8)
                        .seed(7)
                        .minP(0.1)
                        .repetitionPenalty(1.1)
                        .logitBias(Map.of(3, -1.0))
                        .thinking(false)
                        .cacheSalt("tenant 7")
                        .deadline(Duration.ofSeconds(20))
                        .build())
                .build();

        model.chat(ChatRequest.builder()
                .messages(UserMessage.from("a"))
                .parameters(ChatRequestParameters.builder()
                        .temperature(0.2)
                        .topK(40)
                        .frequencyPenalty(0.3)
                        .presencePenalty(0.4)
                        .maxOutputTokens(50)
                        .stopSequences("x", "y")
                        .build())
                .build());

        assertThat(llm.requests())
                .containsExactly(GenerationRequest.chat("a").toBuilder()
                        .temperature(0.2)
                        .topP(0.8)
                        .topK(40)
                        .minP(0.1)
                        .seed(7)
                        .repetitionPenalty(1.1)
                        .presencePenalty(0.4)
                        .frequencyPenalty(0.3)
                        .logitBias(Map.of(3, -1.0))
                        .maxTokens(50)
                        .stop("x", "y")
                        .thinking(false)
                        .cacheSalt("tenant 7")
                        .deadline(Duration.ofSeconds(20))
                        .build());
    }

    @Test
    void shouldLeaveEverythingToThePortWhenNothingIsSaid() {
        GenerationRequest request =
                asked(ChatRequest.builder().messages(UserMessage.from("a")).build());

        assertThat(request).isEqualTo(GenerationRequest.chat("a"));
        assertThat(request.sampling()).isEqualTo(Sampling.DEFAULT);
    }

    @Test
    void shouldPassToolsOnWithTheirSchemas() {
        ToolSpecification weather = ToolSpecification.builder()
                .name("weather")
                .description("The weather")
                .parameters(JsonObjectSchema.builder()
                        .addStringProperty("city", "the city")
                        .required("city")
                        .build())
                .build();
        ToolSpecification clock = ToolSpecification.builder().name("clock").build();

        assertThat(asked(withTools(weather, clock, ToolChoice.AUTO)).tools())
                .containsExactly(
                        new ToolSpec(
                                "weather",
                                "The weather",
                                "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"description\":"
                                        + "\"the city\"}},\"required\":[\"city\"]}"),
                        new ToolSpec("clock", null, null));
        assertThat(asked(withTools(weather, clock, ToolChoice.NONE)).tools()).isEmpty();
    }

    @Test
    void shouldHoldAndTellTheSchemaWhenTheFormatHasOne() {
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder()
                        .name("Answer")
                        .rootElement(JsonObjectSchema.builder()
                                .addStringProperty("city")
                                .build())
                        .build())
                .build();
        String json = "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[],"
                + "\"additionalProperties\":false}";

        GenerationRequest request = asked(ChatRequest.builder()
                .messages(UserMessage.from("Where?"), AiMessage.from("Hm"))
                .responseFormat(format)
                .build());

        assertThat(request.responseFormat()).isEqualTo(io.github.mlx4j.generation.ResponseFormat.jsonSchema(json));
        assertThat(request.prompt())
                .isEqualTo(new Prompt.Chat(List.of(
                        Message.user("Where?\n\nAnswer with JSON of this JSON schema, and with nothing else:\n" + json),
                        Message.assistant("Hm"))));
    }

    @Test
    void shouldHoldAnyJsonWhenTheFormatHasNoSchema() {
        ChatRequest.Builder request = ChatRequest.builder().messages(UserMessage.from("a"));

        assertThat(asked(request.responseFormat(ResponseFormat.JSON).build()))
                .isEqualTo(GenerationRequest.chat("a").toBuilder()
                        .responseFormat(io.github.mlx4j.generation.ResponseFormat.json())
                        .build());
        assertThat(asked(request.responseFormat(ResponseFormat.TEXT).build()).responseFormat())
                .isNull();
    }

    static List<ChatMessage> messagesThatNoModelReads() {
        return List.of(
                UserMessage.from(ImageContent.from("https://example.org/cat.png")),
                UserMessage.from("Ada", "Hi"),
                CustomMessage.from(Map.of("a", "b")),
                AiMessage.builder()
                        .text("Listen.")
                        .attributes(Map.of("generated_audio", List.of("audio")))
                        .build(),
                ToolExecutionResultMessage.builder()
                        .id("c1")
                        .toolName("camera")
                        .contents(ImageContent.from("https://example.org/cat.png"))
                        .build());
    }

    @ParameterizedTest
    @MethodSource("messagesThatNoModelReads")
    void shouldRefuseAMessageWhenNoModelReadsIt(ChatMessage message) {
        assertThatExceptionOfType(UnsupportedFeatureException.class)
                .isThrownBy(() -> asked(ChatRequest.builder().messages(message).build()))
                .withMessageMatching("(?i).*(image|name|CUSTOM|audio).* is not supported by mlx4j: .*");
    }

    @Test
    void shouldRefuseParametersByNameWhenNoPortHonoursThem() {
        ChatRequestParameters other =
                ChatRequestParameters.builder().modelName("other").build();
        ChatRequestParameters forced =
                ChatRequestParameters.builder().toolChoice(ToolChoice.REQUIRED).build();

        assertThatThrownBy(() -> asked(ChatRequest.builder()
                        .messages(UserMessage.from("a"))
                        .parameters(other)
                        .build()))
                .isExactlyInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("modelName is not supported");
        assertThatThrownBy(() -> Mlx4jChatModel.builder(ScriptedTextGeneration.answering())
                        .defaultRequestParameters(forced))
                .isExactlyInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("ToolChoice.REQUIRED is not supported");
    }

    @Test
    void shouldTellListenersOfRequestAndAnswerOrFailure() {
        List<String> heard = new ArrayList<>();
        ChatModelListener listener = new ChatModelListener() {
            @Override
            public void onRequest(ChatModelRequestContext context) {
                heard.add("request " + context.chatRequest().parameters().temperature());
            }

            @Override
            public void onResponse(ChatModelResponseContext context) {
                heard.add("response " + context.chatResponse().aiMessage().text());
            }

            @Override
            public void onError(ChatModelErrorContext context) {
                heard.add("error " + context.error().getClass().getSimpleName());
            }
        };
        ChatModel model = Mlx4jChatModel.builder(ScriptedTextGeneration.builder()
                        .answer("yes")
                        .answer(ScriptedAnswer.failure(new WorkerDiedException("died", "", 137, "")))
                        .build())
                .defaultRequestParameters(
                        ChatRequestParameters.builder().temperature(0.5).build())
                .listeners(listener)
                .build();

        model.chat("a");
        assertThatExceptionOfType(InternalServerException.class)
                .isThrownBy(() -> model.chat("b"))
                .withCauseInstanceOf(WorkerDiedException.class);

        assertThat(heard)
                .containsExactly("request 0.5", "response yes", "request 0.5", "error InternalServerException");
    }

    @Test
    void shouldAnswerLaterAsItDoesWhenWaitedFor() {
        ScriptedAnswer answer = ScriptedAnswer.pieces("It ", "is.").withThinking("Hm.");

        ChatResponse response = over(answer).doChatAsync(ask("Is it?")).join();

        assertThat(response.aiMessage())
                .isEqualTo(over(answer).doChat(ask("Is it?")).aiMessage());
        assertThat(response.modelName()).isEqualTo("scripted");
        assertThat(response.id()).startsWith("mlx4j-");
    }

    @Test
    void shouldFailLaterWithLangChain4jsExceptions() {
        Mlx4jChatModel dying = over(ScriptedAnswer.failure(new WorkerDiedException("died", "", 137, "")));
        ChatRequest other = ChatRequest.builder()
                .messages(UserMessage.from("a"))
                .modelName("other")
                .build();
        Mlx4jChatModel model = Mlx4jChatModel.builder(new AbstractTextGenerationPort() {
                    @Override
                    public Cancellation start(GenerationRequest request, GenerationSink sink) {
                        sink.completed(unread(io.github.mlx4j.generation.FinishReason.STOP));
                        return () -> {};
                    }
                })
                .build();

        assertThat(dying.doChatAsync(ask("a")))
                .failsWithin(TEN_SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(InternalServerException.class)
                .havingRootCause()
                .isInstanceOf(WorkerDiedException.class);
        assertThat(dying.doChatAsync(other))
                .failsWithin(TEN_SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(UnsupportedFeatureException.class);
        assertThat(model.doChatAsync(ask("a")))
                .as("a tool call that can't be read")
                .failsWithin(TEN_SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(LangChain4jException.class)
                .havingRootCause()
                .isInstanceOf(UnreadableAnswerException.class);
    }

    @Test
    void shouldCancelTheGenerationHoweverTheFutureEndsEarly() {
        for (Consumer<CompletableFuture<ChatResponse>> ending : List.<Consumer<CompletableFuture<ChatResponse>>>of(
                future -> future.cancel(true),
                future -> future.orTimeout(1, TimeUnit.MILLISECONDS),
                future -> future.complete(null))) {
            CompletableFuture<Boolean> cancelled = new CompletableFuture<>();
            Mlx4jChatModel model = Mlx4jChatModel.builder(new AbstractTextGenerationPort() {
                        @Override
                        public Cancellation start(GenerationRequest request, GenerationSink sink) {
                            return () -> cancelled.complete(true);
                        }
                    })
                    .build();

            ending.accept(model.doChatAsync(ask("a")));

            assertThat(cancelled).succeedsWithin(TEN_SECONDS);
        }
    }

    private static ChatRequest ask(String text) {
        return ChatRequest.builder().messages(UserMessage.from(text)).build();
    }

    @Test
    void shouldFailWhenACallCannotBeRead() {
        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> Answers.of(unread(io.github.mlx4j.generation.FinishReason.STOP)))
                .withMessageContaining("no object")
                .satisfies(error -> assertThat(error.text()).isEqualTo("{\"na"));
    }

    @Test
    void shouldLeaveACallOutWhenItWasCut() {
        ChatResponse response = Answers.of(unread(io.github.mlx4j.generation.FinishReason.LENGTH));

        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(response.aiMessage().hasToolExecutionRequests()).isFalse();
    }

    @Test
    void shouldBeTakenForASchemaModelUnlessTold() {
        Mlx4jChatModel.Builder builder = Mlx4jChatModel.builder(ScriptedTextGeneration.answering());

        assertThat(builder.build().supportedCapabilities()).containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
        assertThat(builder.supportedCapabilities(Set.of()).build().supportedCapabilities())
                .isEmpty();
    }

    private static GenerationResult unread(io.github.mlx4j.generation.FinishReason reason) {
        return new GenerationResult(
                "",
                "",
                List.of(),
                List.of(new MalformedToolCall("{\"na", "no object")),
                List.of(),
                List.of(),
                reason,
                null,
                new Usage(1, 1),
                new Timings(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO),
                new Backend(ProviderKind.MLX, "m", "cpu"));
    }

    private static Mlx4jChatModel over(ScriptedAnswer answer) {
        return Mlx4jChatModel.builder(
                        ScriptedTextGeneration.builder().answer(answer).build())
                .build();
    }

    private static ChatRequest withTools(ToolSpecification first, ToolSpecification second, ToolChoice choice) {
        return ChatRequest.builder()
                .messages(UserMessage.from("a"))
                .toolSpecifications(first, second)
                .toolChoice(choice)
                .build();
    }

    /** What the port was asked. */
    private static GenerationRequest asked(ChatRequest request) {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("ok");
        Mlx4jChatModel.builder(llm).build().chat(request);
        return llm.requests().get(0);
    }
}
