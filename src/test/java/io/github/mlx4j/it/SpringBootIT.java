package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.chat.ChatModel;
import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.WorkerTraces;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.metrics.MetricsPage;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/** Tests complete Spring Boot applications with the real mlx worker and the small model. */
@Timeout(300)
class SpringBootIT {

    private static final String QUESTION = "Why is the sky blue?";

    @SpringBootApplication
    static class Application {

        @Bean
        MeterRegistry registry() {
            return new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        }
    }

    @Test
    void shouldAnswerMeasureAndTellItsHealth() {
        List<Path> folders;
        try (ConfigurableApplicationContext context =
                new SpringApplication(Application.class).run(properties().toArray(String[]::new))) {
            assertThat(Fixture.workers(ProviderKind.MLX)).as("lazy").isEmpty();

            GenerationResult answer = context.getBean(TextGenerationPort.class).generate(QUESTION);

            assertThat(answer.text()).isEqualTo(Fixture.known(QUESTION).text());
            assertThat(context.getBean(ChatModel.class).chat(QUESTION)).isEqualTo(answer.text());
            assertThat(context.getBean(EmbeddingPort.class).embed("a")).isNotEmpty();
            folders = Fixture.workers(ProviderKind.MLX).stream()
                    .map(Fixture::folder)
                    .toList();
            assertThat(folders).hasSize(1);
            assertThat(context.getBean("mlx4jHealthIndicator", HealthIndicator.class)
                            .health()
                            .getStatus())
                    .isEqualTo(Status.UP);
            measured(context.getBean(MeterRegistry.class), answer);
        }
        folders.forEach(WorkerTraces::awaitGone);
    }

    private static void measured(MeterRegistry registry, GenerationResult answer) {
        Map<String, String> documented = MetricsPage.documented();
        assertThat(MetricsPage.registered(registry))
                .allSatisfy((name, tags) -> assertThat(documented).containsEntry(name, tags));
        assertThat(MetricsPage.registered(registry))
                .containsKeys(
                        "gen_ai.client.operation.time_to_first_chunk",
                        "gen_ai.server.time_per_output_token",
                        "resilience4j.circuitbreaker.state",
                        "mlx4j.worker.state");
        assertThat(registry.get("gen_ai.client.token.usage")
                        .tags("gen_ai.token.type", "output", "gen_ai.response.model", Fixture.MODEL.toString())
                        .summary()
                        .totalAmount())
                .as("the same answer twice")
                .isEqualTo(2 * answer.usage().completionTokens());
        double engine = registry.get("gen_ai.server.request.duration").timer().totalTime(TimeUnit.SECONDS);
        double whole = registry.get("gen_ai.client.operation.duration")
                .tag("gen_ai.operation.name", "chat")
                .timer()
                .totalTime(TimeUnit.SECONDS);
        assertThat(engine).isPositive().isLessThan(whole);
        assertThat(registry.get("mlx4j.worker.memory")
                        .tag("kind", "active")
                        .gauge()
                        .value())
                .isPositive();
    }

    @Test
    void shouldRunTheExample(@TempDir Path folder) throws Exception {
        String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int code = ToolProvider.getSystemJavaCompiler()
                .run(null, null, said, "-cp", classes, "-d", folder.toString(), "docs/examples/SpringBoot.java");
        assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
        List<String> command = JavaCommand.of("-cp", folder + File.pathSeparator + classes, "example.SpringBoot");
        command.addAll(properties());
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectError(folder.resolve("err").toFile());
        builder.environment().put("MLX4J_HANG_SECONDS", "90"); // a setting that is no property by this name
        Process process = builder.start();

        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor())
                .as(output + Files.readString(folder.resolve("err")))
                .isZero();
        assertThat(output.lines()).contains(Fixture.known(QUESTION).text());
    }

    private static List<String> properties() {
        return List.of(
                "--spring.main.banner-mode=off",
                "--mlx4j.provider=mlx",
                "--mlx4j.fallback=none",
                "--mlx4j.mlx.model=" + Fixture.MODEL,
                "--mlx4j.home=" + Fixture.HOME,
                "--mlx4j.allow-any-platform=true",
                "--mlx4j.download=never");
    }
}
