/**
 * Local language models in Java programs. {@link io.github.mlx4j.ProviderFactory} is the entry point.
 *
 * <p>Each static dependency belongs to one optional part: LangChain4j to {@code langchain4j} and {@code remote},
 * Micrometer to {@code metrics}, Spring to {@code spring}, kotlin-reflect to typed answers in Kotlin, and picocli to
 * the command line, which is in a jar of its own. Without them, the other packages work.
 */
module io.github.mlx4j {
    requires transitive com.fasterxml.jackson.databind;
    requires transitive io.github.resilience4j.circuitbreaker;
    requires io.github.resilience4j.core;
    requires java.management;
    requires java.net.http;
    requires transitive org.jspecify;
    requires org.slf4j;
    requires org.zeroturnaround.exec;
    requires static info.picocli;
    requires static io.github.resilience4j.micrometer;
    requires static kotlin.reflect;
    requires static langchain4j.anthropic;
    requires static langchain4j.core;
    requires static langchain4j.http.client;
    requires static langchain4j.ollama;
    requires static langchain4j.open.ai;
    requires static micrometer.core;
    requires static spring.aop;
    requires static spring.beans;
    requires static spring.boot;
    requires static spring.boot.actuator;
    requires static spring.boot.autoconfigure;
    requires static spring.boot.health;
    requires static spring.context;
    requires static spring.core;

    exports io.github.mlx4j;
    exports io.github.mlx4j.adapter;
    exports io.github.mlx4j.answer;
    exports io.github.mlx4j.bench;
    exports io.github.mlx4j.compare;
    exports io.github.mlx4j.config;
    exports io.github.mlx4j.conversion;
    exports io.github.mlx4j.device;
    exports io.github.mlx4j.environment;
    exports io.github.mlx4j.error;
    exports io.github.mlx4j.event;
    exports io.github.mlx4j.generation;
    exports io.github.mlx4j.hub;
    exports io.github.mlx4j.langchain4j;
    exports io.github.mlx4j.metrics;
    exports io.github.mlx4j.model;
    exports io.github.mlx4j.model.registry;
    exports io.github.mlx4j.port;
    exports io.github.mlx4j.provider;
    exports io.github.mlx4j.remote;
    exports io.github.mlx4j.report;
    exports io.github.mlx4j.spring;
    exports io.github.mlx4j.task;
    exports io.github.mlx4j.testing;
    exports io.github.mlx4j.training;
    exports io.github.mlx4j.training.config;

    // Records that Jackson reads and writes
    opens io.github.mlx4j.compare to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.conversion to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.environment to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.event to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.generation to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.internal.model to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.internal.protocol to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.model to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.model.registry to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.port to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.provider to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.training to
            com.fasterxml.jackson.databind;
    opens io.github.mlx4j.training.config to
            com.fasterxml.jackson.databind;
    // Configuration classes whose methods Spring calls
    opens io.github.mlx4j.spring to
            spring.beans,
            spring.boot,
            spring.context,
            spring.core;
}
