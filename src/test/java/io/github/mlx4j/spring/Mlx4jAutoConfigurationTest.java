package io.github.mlx4j.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.mock.ChatModelMock;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.scoring.ScoringModel;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.RecordingListener;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.metrics.Mlx4jMetrics;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.task.ComprehensionTestPort;
import io.github.mlx4j.task.RequirementsParsingPort;
import io.github.mlx4j.task.Task;
import io.github.mlx4j.task.TaskDecompositionPort;
import io.github.mlx4j.task.TaskEnhancementPort;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import io.github.resilience4j.micrometer.tagged.TaggedCircuitBreakerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.actuate.context.properties.ConfigurationPropertiesReportEndpoint;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.actuate.env.EnvironmentEndpoint;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.export.simple.SimpleMetricsExportAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Uses the fake worker, whose answers are specified by the requests. */
@Timeout(60)
class Mlx4jAutoConfigurationTest {

    @TempDir
    private Path folder;

    private Path calls;
    private ApplicationContextRunner runner;

    @BeforeEach
    void makePython() throws IOException {
        calls = folder.resolve("calls");
        runner = with(StubPython.withFakeWorker(folder.resolve("stub")));
    }

    private ApplicationContextRunner with(Path python) {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        Mlx4jAutoConfiguration.class,
                        Mlx4jHealthAutoConfiguration.class,
                        Mlx4jLangChain4jAutoConfiguration.class,
                        Mlx4jMetricsAutoConfiguration.class))
                .withPropertyValues(
                        "mlx4j.provider=mlx",
                        "mlx4j.fallback=none",
                        "mlx4j.allow-any-platform=true",
                        "mlx4j.mlx.python=" + python,
                        "mlx4j.home=" + folder.resolve("home"));
    }

    @Test
    void shouldBeFoundBySpring() throws IOException {
        String imports = "/META-INF/spring/org.springframework.boot.autoconfigure.AutoConfiguration.imports";

        assertThat(Files.readAllLines(Path.of("src/main/resources" + imports)))
                .containsExactly(
                        Mlx4jAutoConfiguration.class.getName(),
                        Mlx4jHealthAutoConfiguration.class.getName(),
                        Mlx4jLangChain4jAutoConfiguration.class.getName(),
                        Mlx4jMetricsAutoConfiguration.class.getName());
    }

    @Test
    void shouldProbeAndStartNothingBeforeTheFirstCall() {
        runner.run(context -> {
            for (Class<?> type : List.of(
                    TextGenerationPort.class,
                    EmbeddingPort.class,
                    RerankPort.class,
                    TokenizerPort.class,
                    ModelAnalysisPort.class,
                    TaskEnhancementPort.class,
                    TaskDecompositionPort.class,
                    ComprehensionTestPort.class,
                    RequirementsParsingPort.class,
                    ChatModel.class,
                    StreamingChatModel.class,
                    EmbeddingModel.class,
                    ScoringModel.class)) {
                assertThat(context).hasSingleBean(type);
            }
            assertThat(calls).doesNotExist();

            assertThat(context.getBean(TextGenerationPort.class).generate("Hi").text())
                    .isEqualTo("Hi");
            assertThat(context.getBean(EmbeddingPort.class).embed("a")).isNotEmpty();
            assertThat(context.getBean(ChatModel.class).chat("Hi")).isEqualTo("Hi");
            assertThat(Files.readAllLines(calls).stream().filter("worker"::equals))
                    .as("one worker for all")
                    .hasSize(1);
        });
    }

    @Test
    void shouldStartTheWorkerWithTheApplicationWhenItIsToBeWarm() {
        runner.withPropertyValues("mlx4j.warm-up=true")
                .run(context -> assertThat(Files.readAllLines(calls)).contains("worker"));

        with(folder.resolve("nowhere"))
                .withPropertyValues("mlx4j.warm-up=true")
                .run(context ->
                        assertThat(context).hasFailed().getFailure().isInstanceOf(ProviderUnavailableException.class));
    }

    @Test
    void shouldCloseTheFactoryWithTheContext() {
        ProviderFactory[] factory = new ProviderFactory[1];
        runner.run(context -> {
            context.getBean(TextGenerationPort.class).generate("Hi");
            factory[0] = context.getBean(ProviderFactory.class);
            assertThat(pid(factory[0])).isPresent();
        });

        assertThat(pid(factory[0])).isEmpty();
        assertThatThrownBy(() -> factory[0].createTextGenerationAdapter()).isInstanceOf(ClosedException.class);
    }

    private static OptionalLong pid(ProviderFactory providers) {
        return providers.workers().get(0).status().processId();
    }

    @Test
    void shouldGiveWayToBeansOfTheProgram() {
        ScriptedTextGeneration scripted = ScriptedTextGeneration.answering("{\"tasks\": []}");
        ProviderConfig config =
                ProviderConfig.builder().provider(ProviderKind.HF).build();

        runner.withBean(TextGenerationPort.class, () -> scripted)
                .withBean(ProviderConfig.class, () -> config)
                .withBean(ChatModel.class, () -> ChatModelMock.thatAlwaysResponds("mine"))
                .run(context -> {
                    assertThat(context).doesNotHaveBean(Mlx4jChatModel.class);
                    assertThat(context.getBean(ChatModel.class).chat("Hi")).isEqualTo("mine");
                    assertThat(context.getBean(TextGenerationPort.class)).isSameAs(scripted);
                    assertThat(context.getBean(ProviderFactory.class).config().provider())
                            .contains(ProviderKind.HF);
                });
    }

    @Test
    void shouldHaveNoModelsOfLangChain4jWhereTheyAreNotWantedOrCannotBe() {
        runner.withPropertyValues("mlx4j.langchain4j.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(ChatModel.class));
        runner.withClassLoader(new FilteredClassLoader("dev.langchain4j"))
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .hasSingleBean(TextGenerationPort.class)
                        .doesNotHaveBean("mlx4jChatModel"));
    }

    @Test
    void shouldMeasureWhereThereIsARegistry() {
        ApplicationContextRunner measuring = runner.withConfiguration(AutoConfigurations.of(
                MetricsAutoConfiguration.class,
                CompositeMeterRegistryAutoConfiguration.class,
                SimpleMetricsExportAutoConfiguration.class));
        measuring.run(context -> {
            context.getBean(TextGenerationPort.class).generate("Hi");

            MeterRegistry registry = context.getBean(MeterRegistry.class);
            await().untilAsserted(() -> assertThat(
                            registry.find("gen_ai.client.operation.duration").timers())
                    .singleElement()
                    .satisfies(timer -> assertThat(timer.count()).isEqualTo(1)));
            assertThat(registry.get("resilience4j.circuitbreaker.calls")
                            .tags("name", "mlx", "kind", "successful")
                            .timer()
                            .count())
                    .isEqualTo(1);
        });
    }

    @Test
    void shouldDoWithoutMicrometerAndWithoutItsModuleForBreakers() {
        runner.run(context -> assertThat(context).doesNotHaveBean(Mlx4jMetrics.class));
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withClassLoader(new FilteredClassLoader(TaggedCircuitBreakerMetrics.class))
                .run(context -> assertThat(context)
                        .hasSingleBean(Mlx4jMetrics.class)
                        .doesNotHaveBean("mlx4jCircuitBreakerMetrics"));
        runner.withClassLoader(new FilteredClassLoader("io.micrometer", "org.springframework.boot.micrometer"))
                .run(context -> assertThat(context).hasNotFailed().hasSingleBean(TextGenerationPort.class));
    }

    @Test
    void shouldLetEveryListenerOfTheProgramHear() {
        RecordingListener first = new RecordingListener();
        RecordingListener second = new RecordingListener();
        runner.withBean("first", Mlx4jListener.class, () -> first)
                .withBean("second", Mlx4jListener.class, () -> second)
                .run(context -> {
                    context.getBean(TextGenerationPort.class).generate("Hi");

                    await().untilAsserted(() ->
                            assertThat(first.lines()).contains("answer Hi").isEqualTo(second.lines()));
                });
    }

    @Test
    void shouldBeUpBeforeAndAfterTheFirstRequestWithoutAStart() {
        runner.run(context -> {
            HealthIndicator health = context.getBean(HealthIndicator.class);
            assertThat(health.health())
                    .isEqualTo(Health.up()
                            .withDetail("provider", "mlx")
                            .withDetail("fallback", List.of())
                            .build());
            assertThat(calls).hasContent("probe");

            context.getBean(TextGenerationPort.class).generate("Hi");

            assertThat(health.health().getDetails()).containsEntry("mlx", "ready");
        });
    }

    @Test
    void shouldBeDownWhenTheWorkerFailedForGoodUnlessAnotherProviderStandsIn() {
        ApplicationContextRunner failing =
                runner.withPropertyValues("mlx4j.mlx.model={\"error\": \"ModelLoadFailed\"}");
        failing.run(context -> {
            assertThatThrownBy(() -> context.getBean(TextGenerationPort.class).generate("Hi"))
                    .isInstanceOf(RuntimeException.class);

            Health health = context.getBean(HealthIndicator.class).health();

            assertThat(health.getStatus()).isEqualTo(Status.DOWN);
            assertThat(health.getDetails().get("mlx").toString()).startsWith("failed: ");
        });
        failing.withPropertyValues(
                        "mlx4j.fallback=hf", "mlx4j.hf.model=a/b", "mlx4j.hf.python=" + folder.resolve("stub"))
                .run(context -> {
                    assertThat(context.getBean(TextGenerationPort.class)
                                    .generate("Hi")
                                    .backend()
                                    .provider())
                            .isEqualTo(ProviderKind.HF);

                    Health health = context.getBean(HealthIndicator.class).health();

                    assertThat(health.getStatus()).isEqualTo(Status.UP);
                    assertThat(health.getDetails()).containsEntry("hf", "ready");
                });
    }

    @Test
    void shouldBeOutOfServiceWhenNoProviderIsAvailable() {
        with(folder.resolve("nowhere")).run(context -> {
            Health health = context.getBean(HealthIndicator.class).health();

            assertThat(health.getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
            assertThat(health.getDetails()).containsKeys("code", "reason", "fix");
            assertThatThrownBy(() -> context.getBean(TaskEnhancementPort.class).enhance(new Task("a")))
                    .isInstanceOf(ProviderUnavailableException.class);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldTellNoHealthWhereItIsNotWantedOrCannotBe(boolean wanted) {
        ApplicationContextRunner without = wanted
                ? runner.withClassLoader(new FilteredClassLoader("org.springframework.boot.health"))
                : runner.withPropertyValues("management.health.mlx4j.enabled=false");

        without.run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("mlx4jHealthIndicator"));
    }

    @Test
    void shouldHideKeysInWhatTheActuatorShows() {
        runner.withPropertyValues("mlx4j.openai.api-key=sk-secret", "mlx4j.openai.model=shown")
                .withSystemProperties("ANTHROPIC_API_KEY=sk-secret")
                .run(context -> {
                    SanitizingFunction keys = context.getBean(SanitizingFunction.class);
                    ConfigurationPropertiesReportEndpoint endpoint =
                            new ConfigurationPropertiesReportEndpoint(List.of(keys), Show.ALWAYS);
                    endpoint.setApplicationContext(context.getSourceApplicationContext());

                    String environment = new EnvironmentEndpoint(context.getEnvironment(), List.of(keys), Show.ALWAYS)
                            .environment(null).getPropertySources().stream()
                                    .map(source -> source.getProperties().values().stream()
                                            .map(value -> value.getValue())
                                            .toList()
                                            .toString())
                                    .toList()
                                    .toString();
                    assertThat(environment).contains("shown").doesNotContain("secret");

                    String shown = endpoint.configurationProperties().getContexts().values().stream()
                            .map(each -> each.getBeans().values().stream()
                                    .map(bean -> bean.getProperties() + " " + bean.getInputs())
                                    .toList()
                                    .toString())
                            .toList()
                            .toString();

                    assertThat(shown).contains("shown").doesNotContain("secret");
                });
    }
}
