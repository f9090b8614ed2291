/**
 * Auto-configuration for Spring Boot 4: the properties {@code mlx4j.*}, and beans of the provider factory, its ports,
 * LangChain4j's models, metrics and health. {@code docs/spring.md} has them all.
 */
@NullMarked
package io.github.mlx4j.spring;

import org.jspecify.annotations.NullMarked;
