package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests the provider {@code openai} with a real server of another project, mlx_lm.server. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RemoteIT {

    private static final Fixture.Known SKY = Fixture.known("Why is the sky blue?");

    @TempDir
    private static Path folder;

    private static MlxServer server;
    private ProviderFactory providers;
    private TextGenerationPort llm;

    @BeforeAll
    static void startServer() throws Exception {
        server =
                new MlxServer(Fixture.python(ProviderKind.MLX), Fixture.MODEL.toString(), folder.resolve("server.log"));
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @BeforeEach
    void connect() {
        providers = ProviderFactory.create(config().build());
        llm = providers.createTextGenerationAdapter();
    }

    @AfterEach
    void close() {
        providers.close();
    }

    @Test
    void shouldGiveTheModelsAnswerWithUsageAndBackend() {
        GenerationResult result =
                llm.generate(SKY.request().toBuilder().temperature(0).build());

        assertThat(result.text()).isEqualTo(SKY.text());
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.usage().promptTokens()).isPositive();
        assertThat(result.usage().completionTokens()).isGreaterThan(10);
        assertThat(result.backend()).isEqualTo(new Backend(ProviderKind.OPENAI, Fixture.MODEL.toString(), "remote"));
    }

    @Test
    void shouldPassASystemMessageAndALimitOn() {
        GenerationResult cut = llm.generate(GenerationRequest.builder()
                .message(Message.system("Be brief"))
                .user("Why is the sky blue?")
                .temperature(0)
                .maxTokens(3)
                .build());

        assertThat(cut.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(cut.usage().completionTokens()).isEqualTo(3);
    }

    @Test
    void shouldServeManyAtOnce() {
        List<CompletableFuture<GenerationResult>> answers = Fixture.knownAnswers().stream()
                .limit(6)
                .map(known -> llm.generateAsync(
                        known.request().toBuilder().temperature(0).build()))
                .toList();

        for (int i = 0; i < answers.size(); i++) {
            assertThat(answers.get(i).join().text())
                    .isEqualTo(Fixture.knownAnswers().get(i).text());
        }
    }

    @Test
    void shouldStopAtOnceWhenCancelledInTheMiddleAndServeTheNext() {
        GenerationRequest story =
                GenerationRequest.builder().user(Fixture.STORY).maxTokens(2000).build();
        int pieces = 0;
        try (GenerationStream stream = llm.stream(story)) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text && ++pieces == 2) {
                    stream.cancel();
                    assertThatExceptionOfType(CancelledException.class).isThrownBy(stream::result);
                    break;
                }
            }
        }

        assertThat(llm.generate(SKY.request().toBuilder().temperature(0).build())
                        .text())
                .isEqualTo(SKY.text());
    }

    @Test
    void shouldSayThatTheFormatWasNotHeldWhenTheServerDoesNotHoldIt() {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> llm.generate(SKY.request().toBuilder()
                        .temperature(0)
                        .responseFormat(ResponseFormat.json())
                        .build()))
                .withMessageContaining("does not enforce response formats");
    }

    @Test
    void shouldSayThatThereIsNoSuchModel() {
        ProviderConfig.Builder other =
                config().model(ProviderKind.OPENAI, folder.resolve("none").toString());
        try (ProviderFactory others = ProviderFactory.create(other.build())) {
            assertThatExceptionOfType(ModelNotFoundException.class)
                    .isThrownBy(() -> others.createTextGenerationAdapter().generate(SKY.request()))
                    .withMessageContaining("HTTP 404")
                    .withMessageContaining("OPENAI_MODEL");
        }
    }

    @Test
    @SuppressWarnings("try") // it is closed in the middle
    void shouldSayThatTheServerIsGoneWhenItIsKilledInTheMiddle() throws Exception {
        try (MlxServer doomed = new MlxServer(
                        Fixture.python(ProviderKind.MLX), Fixture.MODEL.toString(), folder.resolve("doomed.log"));
                ProviderFactory to = ProviderFactory.create(config().baseUrl(ProviderKind.OPENAI, doomed.uri + "/v1")
                        .build())) {
            TextGenerationPort port = to.createTextGenerationAdapter();
            GenerationRequest story = GenerationRequest.builder()
                    .user(Fixture.STORY)
                    .maxTokens(100_000)
                    .deadline(Duration.ofMinutes(2))
                    .build();
            try (GenerationStream stream = port.stream(story)) {
                stream.iterator().next();
                doomed.close();

                assertThatExceptionOfType(ProviderUnavailableException.class)
                        .isThrownBy(stream::result)
                        .withMessageContaining("ended prematurely");
            }
            assertThatExceptionOfType(ProviderUnavailableException.class)
                    .isThrownBy(() -> port.generate(SKY.request()))
                    .withMessageContaining("Could not connect to openai at " + doomed.uri);
        }
    }

    private static ProviderConfig.Builder config() {
        return ProviderConfig.builder()
                .provider(ProviderKind.OPENAI)
                .model(ProviderKind.OPENAI, Fixture.MODEL.toString())
                .baseUrl(ProviderKind.OPENAI, server.uri + "/v1");
    }
}
