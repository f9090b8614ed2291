package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.task.ComprehensionTestPort;
import io.github.mlx4j.task.RequirementsParsingPort;
import io.github.mlx4j.task.TaskDecompositionPort;
import io.github.mlx4j.task.TaskEnhancementPort;
import java.util.List;
import java.util.regex.Pattern;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Configures the provider factory and its ports. Nothing is probed or started before the first call of a port, unless
 * {@code mlx4j.warm-up} is true. Closing the context stops the workers. All {@link Mlx4jListener} beans are registered.
 */
@AutoConfiguration
@EnableConfigurationProperties(Mlx4jProperties.class)
public class Mlx4jAutoConfiguration {

    /** Creates the configuration. */
    public Mlx4jAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean
    ProviderConfig mlx4jProviderConfig(Mlx4jProperties properties) {
        return ConfigFromProperties.of(properties, ProviderConfig.environment());
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    ProviderFactory mlx4jProviderFactory(ProviderConfig config, ObjectProvider<Mlx4jListener> listeners) {
        List<Mlx4jListener> all = listeners.orderedStream().toList();
        return ProviderFactory.create(
                all.isEmpty()
                        ? config
                        : config.toBuilder().listener(Mlx4jListener.all(all)).build());
    }

    @Bean
    @ConditionalOnMissingBean
    TextGenerationPort mlx4jTextGeneration(ProviderFactory providers) {
        return LazyPort.of(TextGenerationPort.class, providers::createTextGenerationAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    EmbeddingPort mlx4jEmbedding(ProviderFactory providers) {
        return LazyPort.of(EmbeddingPort.class, providers::createEmbeddingAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    RerankPort mlx4jRerank(ProviderFactory providers) {
        return LazyPort.of(RerankPort.class, providers::createRerankAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    TokenizerPort mlx4jTokenizer(ProviderFactory providers) {
        return LazyPort.of(TokenizerPort.class, providers::createTokenizer);
    }

    @Bean
    @ConditionalOnMissingBean
    ModelAnalysisPort mlx4jAnalysis(ProviderFactory providers) {
        return LazyPort.of(ModelAnalysisPort.class, providers::createAnalysisAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    TaskEnhancementPort mlx4jEnhancement(ProviderFactory providers) {
        return LazyPort.of(TaskEnhancementPort.class, providers::createEnhancementAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    TaskDecompositionPort mlx4jTaskDecomposition(ProviderFactory providers) {
        return LazyPort.of(TaskDecompositionPort.class, providers::createTaskDecompositionAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    ComprehensionTestPort mlx4jComprehensionTest(ProviderFactory providers) {
        return LazyPort.of(ComprehensionTestPort.class, providers::createComprehensionTestAdapter);
    }

    @Bean
    @ConditionalOnMissingBean
    RequirementsParsingPort mlx4jRequirementsParsing(ProviderFactory providers) {
        return LazyPort.of(RequirementsParsingPort.class, providers::createRequirementsParsingAdapter);
    }

    @Bean
    @ConditionalOnBooleanProperty("mlx4j.warm-up")
    SmartInitializingSingleton mlx4jWarmUp(ProviderFactory providers) {
        return providers::warmUp;
    }

    /** Hides keys in the actuator's output, even if the actuator is configured to show all values. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(SanitizingFunction.class)
    static class Keys {

        @Bean
        SanitizingFunction mlx4jKeySanitizer() {
            return SanitizingFunction.sanitizeValue()
                    .ifKeyMatches(Pattern.compile("(?i)mlx4j[._].*api[-_]?key|openai_api_key|anthropic_api_key"));
        }
    }
}
