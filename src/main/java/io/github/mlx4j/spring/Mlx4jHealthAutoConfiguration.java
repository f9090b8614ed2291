package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/**
 * Configures the health indicator if Spring Boot's health module is on the class path. Set
 * {@code management.health.mlx4j.enabled=false} to disable it.
 */
@AutoConfiguration(after = Mlx4jAutoConfiguration.class)
@ConditionalOnClass(HealthIndicator.class)
public class Mlx4jHealthAutoConfiguration {

    /** Creates the configuration. */
    public Mlx4jHealthAutoConfiguration() {}

    @Bean
    @ConditionalOnEnabledHealthIndicator("mlx4j") // not on the class: it could not be read without the module
    @ConditionalOnMissingBean(name = "mlx4jHealthIndicator")
    Mlx4jHealthIndicator mlx4jHealthIndicator(ProviderFactory providers) {
        return new Mlx4jHealthIndicator(providers);
    }
}
