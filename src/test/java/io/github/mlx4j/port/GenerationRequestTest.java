package io.github.mlx4j.port;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GenerationRequestTest {

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
                .seed(7)
                .maxTokens(5)
                .stop("END", "###")
                .build();

        assertThat(request)
                .isEqualTo(new GenerationRequest(
                        new Prompt.Chat(List.of(
                                new Message(Message.Role.SYSTEM, "Be brief."),
                                new Message(Message.Role.USER, "Hi"),
                                new Message(Message.Role.ASSISTANT, "Hello"),
                                new Message(Message.Role.USER, "Bye"))),
                        new Sampling(0.7, 0.9, 40, 7L),
                        5,
                        List.of("END", "###"),
                        null));
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void shouldBeEqualWhenBuiltAnewFromItself(Prompt prompt) {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt)
                .temperature(0.7)
                .topP(0.9)
                .topK(40)
                .seed(7)
                .maxTokens(5)
                .stop("END")
                .build();

        assertThat(request.toBuilder().build()).isEqualTo(request);
        assertThat(request.toBuilder().maxTokens(6).build())
                .isEqualTo(new GenerationRequest(prompt, request.sampling(), 6, request.stop(), null));
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
        Integer[] ids = {1, 2};
        GenerationRequest.Builder builder =
                GenerationRequest.builder().user("Hi").stop(stop);
        GenerationRequest built = builder.build();
        GenerationRequest chat = GenerationRequest.chat(messages);
        GenerationRequest tokens = GenerationRequest.tokens(ids);

        messages.clear();
        stop.clear();
        ids[0] = 9;
        builder.user("Another");

        assertThat(chat).isEqualTo(GenerationRequest.chat("Hi"));
        assertThat(tokens.prompt()).isEqualTo(new Prompt.Tokens(List.of(1, 2)));
        assertThat(built)
                .isEqualTo(new GenerationRequest(
                        new Prompt.Chat(List.of(Message.user("Hi"))), Sampling.DEFAULT, 1024, List.of("END"), null));
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
