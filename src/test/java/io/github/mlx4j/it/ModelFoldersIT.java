package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.model.ModelFormat;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests every kind of model folder with the real workers: the text must be the same however a model is loaded, or the
 * model is rejected with a reason.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ModelFoldersIT {

    /** Each goes to another expert, in the order of their router. */
    private static final List<String> QUESTIONS =
            List.of("Who are you?", "Tell me a long story", "Why is the sky blue?");

    private static final Answers PLAIN = answers(ProviderKind.HF, Fixture.MODEL, LoadConfig.DEFAULT);
    private static final AtomicReference<Answers> ROUTED = new AtomicReference<>();

    @ParameterizedTest
    @ValueSource(strings = {"peft", "peft-rslora", "peft-patterns"})
    void shouldAnswerAlikeWhenAnAdapterOfPeftIsOnEitherEngine(String kind) throws Exception {
        Path adapter = MadeModels.of(kind);
        var before = MadeModels.snapshot(adapter);

        Answers hf = answers(ProviderKind.HF, adapter, LoadConfig.DEFAULT);
        Answers mlx = answers(ProviderKind.MLX, adapter, LoadConfig.DEFAULT);

        assertThat(mlx.texts()).isEqualTo(hf.texts()).isNotEqualTo(PLAIN.texts());
        double difference = mlx.differenceFrom(hf);
        System.out.printf("%s: logits of mlx and hf differ by %.1e at most%n", kind, difference);
        assertThat(difference).isLessThan(Tolerance.of(1e-4));
        assertThat(MadeModels.snapshot(adapter)).isEqualTo(before);
        assertFormat(adapter, ModelFormat.PEFT_ADAPTER, true, true);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldAnswerAlikeWhenTheAdapterIsGivenBesideItsModel(ProviderKind worker) {
        Path adapter = MadeModels.of("peft");

        Answers beside = answers(
                worker, Fixture.MODEL, LoadConfig.builder().adapter(adapter).build());

        assertThat(beside.texts())
                .isEqualTo(answers(worker, adapter, LoadConfig.DEFAULT).texts());
        assertThat(beside.details().adapter()).contains(adapter.toString());
        assertThat(beside.details().format()).isEqualTo("model");
    }

    @Test
    void shouldAnswerAlikeWhenTheAdapterIsOfMlxLm() {
        Path peft = MadeModels.of("peft");
        Path adapter = MadeModels.ofMlx("adapter", peft.toString());

        assertThat(answers(ProviderKind.MLX, adapter, LoadConfig.DEFAULT).texts())
                .isEqualTo(answers(ProviderKind.MLX, peft, LoadConfig.DEFAULT).texts());
        assertThatThrownBy(() -> answers(ProviderKind.HF, adapter, LoadConfig.DEFAULT))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("mlx");
        assertFormat(adapter, ModelFormat.MLX_ADAPTER, true, false);
    }

    @Test
    void shouldLoadAQuantizedModelOnMlxOnly() {
        Path quantized = MadeModels.ofMlx("quantized");
        Path converted = MadeModels.ofMlx("converted");

        assertThat(answers(ProviderKind.MLX, converted, LoadConfig.DEFAULT).texts())
                .isEqualTo(
                        answers(ProviderKind.HF, converted, LoadConfig.DEFAULT).texts())
                .isEqualTo(PLAIN.texts());
        assertThat(answers(ProviderKind.MLX, quantized, LoadConfig.DEFAULT).texts())
                .allSatisfy(text -> assertThat(text).isNotBlank());
        assertThatThrownBy(() -> answers(ProviderKind.HF, quantized, LoadConfig.DEFAULT))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("quantized");
        assertFormat(converted, ModelFormat.MLX, true, true);
        assertFormat(quantized, ModelFormat.MLX_QUANTIZED, true, false);
    }

    @ParameterizedTest
    @CsvSource({
        "dylora-a, DYLORA_WRAPPED",
        "dylora-b, DYLORA_BASE_CONFIG",
        "dylora-c, DYLORA_SEPARATED",
        "dylora-d, DYLORA_CHECKPOINT"
    })
    void shouldLetTheRouterChooseTheExpertOfADyLoraMoe(String kind, ModelFormat format) throws Exception {
        Path folder = MadeModels.of(kind);
        var before = MadeModels.snapshot(folder);
        LoadConfig options =
                LoadConfig.builder().allowPickles(kind.equals("dylora-c")).build();

        Answers routed = answers(ProviderKind.HF, folder, options);

        assertThat(routed.results())
                .extracting(GenerationResult::expert)
                .containsExactly(Optional.of("expert_0"), Optional.of("expert_1"), Optional.of("expert_2"));
        assertThat(routed.texts())
                .isEqualTo(ROUTED.updateAndGet(first -> first == null ? routed : first)
                        .texts()) // of the other forms
                .isNotEqualTo(PLAIN.texts());
        assertThat(routed.details().experts()).containsExactly("expert_0", "expert_1", "expert_2");
        assertFormat(folder, format, false, true, options);
        assertThat(MadeModels.snapshot(folder)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"dylora-a", "dylora-b", "dylora-d"})
    void shouldAnswerAlikeWhenMlxHasOneExpertOfADyLoraMoe(String kind) {
        Path folder = MadeModels.of(kind);
        LoadConfig second = LoadConfig.builder().expert("expert_1").build();

        assertThat(answers(ProviderKind.MLX, folder, second).texts())
                .isEqualTo(answers(ProviderKind.HF, folder, second).texts());
        assertThatThrownBy(() -> answers(ProviderKind.MLX, folder, LoadConfig.DEFAULT))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("expert_0");
    }

    @Test
    void shouldRefusePickledExpertsUnlessAllowed() {
        Path folder = MadeModels.of("dylora-c");

        assertThatThrownBy(() -> answers(ProviderKind.HF, folder, LoadConfig.DEFAULT))
                .isInstanceOf(UnsafeModelException.class);
        assertFormat(folder, ModelFormat.DYLORA_SEPARATED, false, false);
    }

    private static void assertFormat(Path folder, ModelFormat format, boolean mlx, boolean hf) {
        assertFormat(folder, format, mlx, hf, LoadConfig.DEFAULT);
    }

    private static void assertFormat(Path folder, ModelFormat format, boolean mlx, boolean hf, LoadConfig options) {
        ModelInspection found = ModelInspector.inspect(folder, options.allowPickles());
        assertThat(found.format()).isEqualTo(format);
        try (ProviderFactory providers =
                ProviderFactory.create(Fixture.config(ProviderKind.HF).build())) {
            assertThat(providers.createLoadCheck().check(found, options))
                    .extracting(Verdict::provider, Verdict::outcome)
                    .containsExactly(tuple(ProviderKind.MLX, outcome(mlx)), tuple(ProviderKind.HF, outcome(hf)));
        }
    }

    private static Verdict.Outcome outcome(boolean loads) {
        return loads ? Verdict.Outcome.LOADS : Verdict.Outcome.REFUSED;
    }

    /** A model's answers to the questions, how it was loaded, and its logits after each of 40 tokens. */
    private record Answers(List<GenerationResult> results, ModelDetails details, List<float[]> logits) {

        List<String> texts() {
            return results.stream().map(GenerationResult::text).toList();
        }

        double differenceFrom(Answers other) {
            double largest = 0;
            for (int i = 0; i < logits.size(); i++) {
                for (int j = 0; j < logits.get(i).length; j++) {
                    largest = Math.max(
                            largest, Math.abs(logits.get(i)[j] - other.logits.get(i)[j]));
                }
            }
            return largest;
        }
    }

    private static Answers answers(ProviderKind kind, Path model, LoadConfig options) {
        ProviderConfig config = Fixture.config(kind)
                .model(kind, model.toString())
                .workers(Fixture.WORKERS.toBuilder().model(options).build())
                .build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            ModelAnalysisPort analysis = providers.createAnalysisAdapter();
            List<GenerationResult> results = QUESTIONS.stream()
                    .map(question -> llm.generate(GenerationRequest.builder()
                            .user(question)
                            .temperature(0)
                            .maxTokens(24)
                            .build()))
                    .toList();
            return new Answers(
                    results,
                    analysis.details(),
                    analysis.logits(IntStream.range(3, 43).boxed().toList()));
        }
    }
}
