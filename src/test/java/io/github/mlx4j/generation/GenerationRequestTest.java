package io.github.mlx4j.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mlx4j.error.InvalidRequestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GenerationRequestTest {

    private static final ToolSpec CLOCK = new ToolSpec("clock", null, null);
    private static final Sampling SAMPLING = new Sampling(0.7, 0.9, 40, 0.1, 7L, 1.1, 0.2, 0.3, Map.of(4, -100.0));

    static List<Prompt> prompts() {
        return List.of(
                new Prompt.Chat(List.of(Message.system("Be brief."), Message.user("Hi"))),
                new Prompt.Raw("Once"),
                new Prompt.Tokens(List.of(1, 2)));
    }

    @Test
    void shouldHaveEveryDefaultWhenOnlyThePromptIsGiven() {
        GenerationRequest request = GenerationRequest.chat("Hi");

        assertThat(request.prompt()).isEqualTo(new Prompt.Chat(List.of(Message.user("Hi"))));
        assertThat(request.sampling()).isEqualTo(Sampling.DEFAULT);
        assertThat(request.maxTokens()).isEqualTo(1024);
        assertThat(request.stop()).isEmpty();
        assertThat(request.responseFormat()).isNull();
        assertThat(request.tools()).isEmpty();
        assertThat(request.thinking()).isNull();
        assertThat(request.logProbs()).isNull();
        assertThat(request.deadline()).isNull();
    }

    @Test
    void shouldHoldEachKindOfPromptWhenMadeByItsFactory() {
        List<Message> messages = List.of(Message.user("Hi"), Message.assistant("Hello"), Message.user("Bye"));

        assertThat(GenerationRequest.chat(messages).prompt()).isEqualTo(new Prompt.Chat(messages));
        assertThat(GenerationRequest.raw("Once").prompt()).isEqualTo(new Prompt.Raw("Once"));
        assertThat(GenerationRequest.tokens(1, 2).prompt()).isEqualTo(new Prompt.Tokens(List.of(1, 2)));
    }

    @Test
    void shouldHoldEveryValueWhenBuilt() {
        GenerationRequest request = GenerationRequest.builder()
                .system("Be brief.")
                .user("Hi")
                .assistant("Hello")
                .message(Message.user("Bye"))
                .temperature(0.7)
                .topP(0.9)
                .topK(40)
                .minP(0.1)
                .seed(7)
                .repetitionPenalty(1.1)
                .presencePenalty(0.2)
                .frequencyPenalty(0.3)
                .logitBias(Map.of(4, -100.0))
                .maxTokens(5)
                .stop("END", "###")
                .responseFormat(ResponseFormat.json())
                .tools(CLOCK)
                .thinking(false)
                .logProbs(2)
                .cacheSalt("tenant 7")
                .deadline(Duration.ofSeconds(9))
                .build();

        assertThat(request)
                .isEqualTo(new GenerationRequest(
                        new Prompt.Chat(List.of(
                                new Message(Message.Role.SYSTEM, "Be brief."),
                                new Message(Message.Role.USER, "Hi"),
                                new Message(Message.Role.ASSISTANT, "Hello"),
                                new Message(Message.Role.USER, "Bye"))),
                        SAMPLING,
                        5,
                        List.of("END", "###"),
                        ResponseFormat.json(),
                        List.of(CLOCK),
                        false,
                        2,
                        "tenant 7",
                        Duration.ofSeconds(9)));
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void shouldBeEqualWhenBuiltAnewFromItself(Prompt prompt) {
        GenerationRequest request = request(prompt, 5);

        assertThat(request.toBuilder().build()).isEqualTo(request);
        assertThat(request.toBuilder().maxTokens(6).build()).isEqualTo(request(prompt, 6));
    }

    @Test
    void shouldTellWhoCallsAndWhoAnswersWhenAChatGoesOnWithATool() {
        ToolCall call = new ToolCall("c1", "clock", "{}");

        assertThat(Message.assistant("", List.of(call)))
                .isEqualTo(new Message(Message.Role.ASSISTANT, "", List.of(call), null));
        assertThat(Message.tool(call, "noon")).isEqualTo(new Message(Message.Role.TOOL, "noon", List.of(), "c1"));
        assertThat(Message.assistant("Hi").toolCalls()).isEmpty();
    }

    @Test
    void shouldHoldTheSameSchemaWhenGivenAsTextOrAsMaps() {
        assertThat(ResponseFormat.jsonSchema(Map.of("enum", List.of("\u00e4", 1, true))))
                .isEqualTo(ResponseFormat.jsonSchema("{\"enum\":[\"\u00e4\",1,true]}"));
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> ResponseFormat.jsonSchema(Map.of("type", new Object())))
                .withMessageStartingWith("The schema can't be represented as JSON: ")
                .withMessageEndingWith("What to do: Use only maps, lists, strings, numbers and booleans.");
    }

    @Test
    void shouldRefuseWhenBothPromptAndMessagesAreGiven() {
        GenerationRequest.Builder both =
                GenerationRequest.builder().prompt(new Prompt.Raw("Once")).user("Hi");

        assertThatIllegalStateException()
                .isThrownBy(both::build)
                .withMessage("A request has a prompt or messages, not both");
    }

    @Test
    void shouldStayAsItWasWhenWhatItWasMadeFromChanges() {
        List<Message> messages = new ArrayList<>(List.of(Message.user("Hi")));
        List<String> stop = new ArrayList<>(List.of("END"));
        List<ToolSpec> tools = new ArrayList<>(List.of(CLOCK));
        Map<Integer, Double> bias = new HashMap<>(Map.of(4, 1.0));
        Integer[] ids = {1, 2};
        GenerationRequest.Builder builder =
                GenerationRequest.builder().user("Hi").stop(stop).tools(tools).logitBias(bias);
        GenerationRequest built = builder.build();
        GenerationRequest chat = GenerationRequest.chat(messages);
        GenerationRequest tokens = GenerationRequest.tokens(ids);

        messages.clear();
        stop.clear();
        tools.clear();
        bias.clear();
        ids[0] = 9;
        builder.user("Another");

        assertThat(chat).isEqualTo(GenerationRequest.chat("Hi"));
        assertThat(tokens.prompt()).isEqualTo(new Prompt.Tokens(List.of(1, 2)));
        assertThat(built.prompt()).isEqualTo(new Prompt.Chat(List.of(Message.user("Hi"))));
        assertThat(built.stop()).containsExactly("END");
        assertThat(built.sampling().logitBias()).containsOnlyKeys(4);
        assertThat(built.tools()).containsExactly(CLOCK);
    }

    private static GenerationRequest request(Prompt prompt, int maxTokens) {
        return new GenerationRequest(
                prompt,
                SAMPLING,
                maxTokens,
                List.of("END"),
                ResponseFormat.choice("a", "b"),
                List.of(CLOCK),
                true,
                0,
                "tenant 7",
                Duration.ofSeconds(9));
    }

    @Test
    void shouldRefuseChangesWhenItsListsAreHandedOut() {
        GenerationRequest request =
                GenerationRequest.builder().user("Hi").stop("END").build();

        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> request.stop().add("more"));
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> ((Prompt.Chat) request.prompt()).messages().clear());
    }
}
