package io.github.mlx4j.it;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.service.common.AbstractAiServiceIT;
import dev.langchain4j.service.common.AbstractAiServiceWithJsonSchemaIT;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;

/**
 * Runs LangChain4j's own test suites for AI services with the mlx worker; docs/langchain4j.md lists the disabled tests.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jAiServicesIT {

    private static ProviderFactory providers;

    @BeforeAll
    static void open() {
        providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL);
    }

    @AfterAll
    static void close() {
        providers.close();
    }

    private static List<ChatModel> over(TextGenerationPort port) {
        return List.of(Mlx4jChatModel.builder(port).build());
    }

    @Nested
    class Text extends AbstractAiServiceIT {

        @Override
        protected List<ChatModel> models() {
            return over(providers.createTextGenerationAdapter());
        }

        @Override
        protected boolean supportsToolsAndJsonResponseFormatWithSchema() {
            return false;
        }
    }

    /**
     * The small model knows none of these answers; it is forced to give them within the schemas that the services
     * request.
     */
    @Nested
    class Records extends AbstractAiServiceWithJsonSchemaIT {

        @Override
        protected List<ChatModel> models() {
            return over(GuidedTextGeneration.over(providers.createTextGenerationAdapter()));
        }

        @Override
        protected boolean supportsRecursion() {
            return true;
        }
    }
}
