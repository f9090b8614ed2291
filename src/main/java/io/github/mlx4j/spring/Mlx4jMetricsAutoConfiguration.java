package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.metrics.Mlx4jMetrics;
import io.github.resilience4j.micrometer.tagged.TaggedCircuitBreakerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Configures metrics if there is a Micrometer registry, and metrics of circuit breakers if Resilience4j's Micrometer
 * module is on the class path.
 */
@AutoConfiguration(
        after = Mlx4jAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean(MeterRegistry.class)
public class Mlx4jMetricsAutoConfiguration {

    /** Creates the configuration. */
    public Mlx4jMetricsAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean
    Mlx4jMetrics mlx4jMetrics(MeterRegistry registry) {
        return new Mlx4jMetrics(registry);
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(TaggedCircuitBreakerMetrics.class)
    static class CircuitBreakers {

        @Bean
        MeterBinder mlx4jCircuitBreakerMetrics(ProviderFactory providers) {
            return TaggedCircuitBreakerMetrics.ofCircuitBreakerRegistry(providers.circuitBreakers());
        }
    }
}
