package io.github.mlx4j.spring;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.scoring.ScoringModel;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import io.github.mlx4j.langchain4j.Mlx4jScoringModel;
import io.github.mlx4j.langchain4j.Mlx4jStreamingChatModel;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.TextGenerationPort;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigureOrder;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;

/**
 * Configures LangChain4j models that use the ports, if LangChain4j's core is on the class path. Each is created only if
 * there is no other bean of its interface; therefore this configuration is applied last.
 */
@AutoConfiguration(after = Mlx4jAutoConfiguration.class)
@AutoConfigureOrder(Ordered.LOWEST_PRECEDENCE)
@ConditionalOnClass(ChatModel.class)
@ConditionalOnBooleanProperty(name = "mlx4j.langchain4j.enabled", matchIfMissing = true)
public class Mlx4jLangChain4jAutoConfiguration {

    /** Creates the configuration. */
    public Mlx4jLangChain4jAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean(ChatModel.class)
    Mlx4jChatModel mlx4jChatModel(TextGenerationPort llm) {
        return Mlx4jChatModel.builder(llm).build();
    }

    @Bean
    @ConditionalOnMissingBean(StreamingChatModel.class)
    Mlx4jStreamingChatModel mlx4jStreamingChatModel(TextGenerationPort llm) {
        return Mlx4jStreamingChatModel.builder(llm).build();
    }

    @Bean
    @ConditionalOnMissingBean(EmbeddingModel.class)
    Mlx4jEmbeddingModel mlx4jEmbeddingModel(EmbeddingPort vectors) {
        return Mlx4jEmbeddingModel.builder(vectors).build();
    }

    @Bean
    @ConditionalOnMissingBean(ScoringModel.class)
    Mlx4jScoringModel mlx4jScoringModel(RerankPort reranker) {
        return Mlx4jScoringModel.builder(reranker).build();
    }
}
