package io.github.mlx4j.port;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TypedGenerationTest {

    record City(String name, int people) {}

    record Odd(Object any) {}

    private static final String ROME = "{\"name\": \"Rome\", \"people\": 2800000}";

    @Test
    void shouldBeTheRecordAndAskForItsSchemaWhenAskedForOne() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(ROME);

        assertThat(llm.generate("A city", City.class)).isEqualTo(new City("Rome", 2_800_000));

        AnswerType<City> city = AnswerType.of(City.class);
        assertThat(llm.requests())
                .containsExactly(city.described(GenerationRequest.chat("A city")).toBuilder()
                        .responseFormat(city.responseFormat())
                        .build());
    }

    @Test
    void shouldBeTheRecordLaterWhenAskedForAFuture() throws Exception {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(ROME);

        assertThat(llm.generateAsync(GenerationRequest.chat("A city"), City.class)
                        .get(10, TimeUnit.SECONDS))
                .isEqualTo(new City("Rome", 2_800_000));
    }

    @Test
    void shouldSendNothingWhenTheTypeOrTheRequestIsRefused() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering();
        GenerationRequest formatted = GenerationRequest.builder()
                .user("A city")
                .responseFormat(ResponseFormat.json())
                .build();

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> llm.generate("A city", Odd.class))
                .withMessageContaining("any");
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> llm.generate(formatted, City.class))
                .withMessageContaining("response format");
        assertThat(llm.generateAsync(formatted, City.class))
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(InvalidRequestException.class);
        assertThat(llm.requests()).isEmpty();
    }

    @Test
    void shouldFailWithTheTextWhenTheAnswerIsAnother() {
        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> ScriptedTextGeneration.answering("Rome").generate("A city", City.class))
                .satisfies(error -> assertThat(error.text()).isEqualTo("Rome"));
        assertThat(ScriptedTextGeneration.answering("Rome").generateAsync(GenerationRequest.chat("A city"), City.class))
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(UnreadableAnswerException.class);
    }

    @Test
    void shouldFailAsTheRequestDoesWhenItFails() {
        ScriptedPort busy = ScriptedPort.failing(() -> new WorkerBusyException("Busy.", ""));

        assertThatExceptionOfType(WorkerBusyException.class).isThrownBy(() -> busy.generate("A city", City.class));
        assertThat(busy.generateAsync(GenerationRequest.chat("A city"), City.class))
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(WorkerBusyException.class);
    }

    @Test
    void shouldCancelTheRequestWhenTheFutureIsCancelled() {
        ScriptedPort silent = ScriptedPort.silent();
        CompletableFuture<City> city = silent.generateAsync(GenerationRequest.chat("A city"), City.class);

        city.cancel(true);

        await().until(() -> silent.call().cancels() == 1);
        assertThat(city).isCancelled();
    }

    @Test
    void shouldCancelTheRequestWhenTheCallerIsInterrupted() {
        Thread.currentThread().interrupt();

        assertThatExceptionOfType(CancelledException.class)
                .isThrownBy(() -> ScriptedPort.silent().generate("A city", City.class));
        assertThat(Thread.interrupted()).isTrue();
    }
}
