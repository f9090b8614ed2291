package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jChatRequestParameters;
import io.github.mlx4j.langchain4j.Mlx4jStreamingChatModel;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs LangChain4j's own test suites for listeners with the mlx worker; docs/langchain4j.md lists the disabled tests.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jListenerIT {

    private static final Mlx4jChatRequestParameters PARAMETERS = Mlx4jChatRequestParameters.builder()
            .temperature(0.7)
            .topP(1.0)
            .maxOutputTokens(7)
            .seed(1)
            .build();

    @TempDir
    private static Path folder;

    private static ProviderFactory providers;
    private static ProviderFactory failing;

    @BeforeAll
    static void open() throws IOException {
        providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL);
        failing = Fixture.factory(
                ProviderKind.MLX,
                Files.writeString(folder.resolve("config.json"), "{}").getParent());
        providers.warmUp(); // the suites wait for 5 s, but a worker may take longer to start; a failure is remembered
        assertThatExceptionOfType(ModelLoadException.class).isThrownBy(failing::warmUp);
    }

    @AfterAll
    static void close() {
        providers.close();
        failing.close();
    }

    @Nested
    class Waiting extends AbstractChatModelListenerIT {

        @Override
        protected ChatModel createModel(ChatModelListener listener) {
            return model(providers, listener);
        }

        @Override
        protected ChatModel createFailingModel(ChatModelListener listener) {
            return model(failing, listener);
        }

        private ChatModel model(ProviderFactory providers, ChatModelListener listener) {
            return Mlx4jChatModel.builder(providers.createTextGenerationAdapter())
                    .defaultRequestParameters(PARAMETERS)
                    .listeners(listener)
                    .build();
        }

        @Override
        protected String modelName() {
            return Fixture.MODEL.toString();
        }

        @Override
        protected Class<? extends Exception> expectedExceptionClass() {
            return NonRetriableException.class;
        }
    }

    @Nested
    class Streaming extends AbstractStreamingChatModelListenerIT {

        @Override
        protected StreamingChatModel createModel(ChatModelListener listener) {
            return model(providers, listener);
        }

        @Override
        protected StreamingChatModel createFailingModel(ChatModelListener listener) {
            return model(failing, listener);
        }

        private StreamingChatModel model(ProviderFactory providers, ChatModelListener listener) {
            return Mlx4jStreamingChatModel.builder(providers.createTextGenerationAdapter())
                    .defaultRequestParameters(PARAMETERS)
                    .listeners(listener)
                    .build();
        }

        @Override
        protected String modelName() {
            return Fixture.MODEL.toString();
        }

        @Override
        protected Class<? extends Exception> expectedExceptionClass() {
            return NonRetriableException.class;
        }
    }
}
