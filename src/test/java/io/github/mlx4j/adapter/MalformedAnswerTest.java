package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.internal.worker.RestartBudget;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that an answer that violates the protocol ends its request, so that nobody waits for a better one. */
@Timeout(60)
class MalformedAnswerTest {

    @ParameterizedTest
    @MethodSource("answers")
    void shouldEndTheRequestThatItAnswers(String answer, Class<? extends Mlx4jException> type) throws Exception {
        String line = "{\"jsonrpc\":\"2.0\",\"id\":\"2\",%s}\n".formatted(answer); // after initialize, the first
        String script = new JsonMapper().writeValueAsString(Map.of("say", "a text that is never heard", "wire", line));
        try (MlxSubprocessAdapter adapter = new MlxSubprocessAdapter(new WorkerSettings(
                "fake",
                false,
                FakeWorker::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                WorkerConfig.DEFAULT))) {
            assertThatThrownBy(() -> adapter.generate(GenerationRequest.raw(script)))
                    .isInstanceOf(type);
            assertThat(adapter.generate(GenerationRequest.raw("fine")).text()).isEqualTo("fine");
        }
    }

    static Stream<Arguments> answers() {
        return Stream.of(
                Arguments.of("\"result\":{}", ProtocolException.class),
                Arguments.of("\"result\":null", ProtocolException.class),
                Arguments.of("\"result\":[1,2]", ProtocolException.class),
                Arguments.of("\"result\":{\"finishReason\":\"nosuch\",\"chunks\":0}", ProtocolException.class),
                Arguments.of("\"result\":{\"chunks\":1e999}", ProtocolException.class),
                Arguments.of("\"error\":{}", EngineException.class),
                Arguments.of("\"error\":{\"data\":{\"kind\":null}}", EngineException.class));
    }
}
