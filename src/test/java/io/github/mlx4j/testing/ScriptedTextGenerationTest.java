package io.github.mlx4j.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.ToolCall;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ScriptedTextGenerationTest {

    private static final Duration FOREVER = Duration.ofDays(1);

    @Test
    void shouldAnswerInOrderAndKeepTheRequestsWhenAsked() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("Paris", "Rome");
        GenerationRequest second = GenerationRequest.builder()
                .user("Italy?")
                .responseFormat(ResponseFormat.json())
                .build();

        assertThat(llm.generate("France?").text()).isEqualTo("Paris");
        assertThat(llm.generate(second).text()).isEqualTo("Rome");
        assertThat(llm.requests()).containsExactly(GenerationRequest.chat("France?"), second);
    }

    @Test
    void shouldSaySoWhenTheScriptIsAtItsEnd() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("Paris");
        llm.generate("France?");

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> llm.generate("Spain?"))
                .withMessageContaining("no answer for request 2")
                .withMessageContaining("Spain?");
    }

    @Test
    void shouldAnswerByTheFirstRuleThatFitsWhenThereAreRules() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
                .whenAsked("Spain", "Madrid")
                .when(request -> request.maxTokens() < 10, ScriptedAnswer.text("brief"))
                .answer("else")
                .build();

        assertThat(llm.generate("The capital of Spain?").text()).isEqualTo("Madrid");
        assertThat(llm.generate(GenerationRequest.chat("Hi").toBuilder()
                                .maxTokens(3)
                                .build())
                        .text())
                .isEqualTo("brief");
        assertThat(llm.generate("Hi").text()).isEqualTo("else");
        assertThat(llm.generate("Spain again?").text()).isEqualTo("Madrid");
    }

    @Test
    void shouldGivePiecesAndEverythingElseWhenStreamed() {
        ToolCall call = new ToolCall("c1", "clock", "{}");
        ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
                .answer("Hello big  world")
                .answer(ScriptedAnswer.pieces("Hel", "lo").withThinking("Hm").withToolCalls(call))
                .answer(ScriptedAnswer.text("").withFinishReason(FinishReason.LENGTH))
                .build();

        assertThat(texts(llm.stream(GenerationRequest.chat("Hi")))).containsExactly("Hello ", "big ", " ", "world");
        GenerationResult called = llm.generate("Hi");
        assertThat(called.text()).isEqualTo("Hello");
        assertThat(called.thinking()).isEqualTo("Hm");
        assertThat(called.toolCalls()).containsExactly(call);
        assertThat(called.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
        assertThat(called.usage().completionTokens()).isEqualTo(2);
        assertThat(llm.generate("Hi").finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void shouldFailAfterItsPiecesWhenItIsToFail() {
        WorkerDiedException died = new WorkerDiedException("It died.", "", 9, "");
        ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
                .answer(ScriptedAnswer.pieces("Hel").withFailure(died))
                .answer(ScriptedAnswer.failure(died))
                .build();

        Iterator<GenerationEvent> events =
                llm.stream(GenerationRequest.chat("Hi")).iterator();
        assertThat(events.next()).isEqualTo(new GenerationEvent.Text("Hel", List.of(0)));
        assertThatExceptionOfType(WorkerDiedException.class).isThrownBy(events::next);
        assertThatExceptionOfType(WorkerDiedException.class).isThrownBy(() -> llm.generate("Hi"));
    }

    @Test
    void shouldTakeItsTimeWhenThereIsADelay() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
                .answer(ScriptedAnswer.pieces("a").withDelay(Duration.ofMillis(30)))
                .build();
        long begun = System.nanoTime();

        llm.generate("Hi");

        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThanOrEqualTo(Duration.ofMillis(60));
    }

    @Test
    void shouldEndAtOnceWhenCancelledOrTooLate() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.builder()
                .answer(ScriptedAnswer.text("never").withDelay(FOREVER))
                .answer(ScriptedAnswer.text("never").withDelay(FOREVER))
                .build();

        GenerationStream stream = llm.stream(GenerationRequest.chat("Hi"));
        stream.cancel();
        assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
        assertThatExceptionOfType(DeadlineExceededException.class)
                .isThrownBy(() -> llm.generate(GenerationRequest.chat("Hi").toBuilder()
                        .deadline(Duration.ofMillis(20))
                        .build()));
    }

    private static List<String> texts(GenerationStream stream) {
        List<String> texts = new ArrayList<>();
        for (GenerationEvent event : stream) {
            if (event instanceof GenerationEvent.Text text) {
                texts.add(text.text());
            }
        }
        return texts;
    }
}
