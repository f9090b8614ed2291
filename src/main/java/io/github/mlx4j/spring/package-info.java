/**
 * Auto-configuration for Spring Boot 4: the properties {@code mlx4j.*}, and beans for the provider factory, its ports,
 * LangChain4j's models, metrics and health. They are described in {@code docs/spring.md}.
 */
@NullMarked
package io.github.mlx4j.spring;

import org.jspecify.annotations.NullMarked;
