package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.adapter.ModelOptions;
import io.github.mlx4j.adapter.WorkerOptions;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.model.ModelFormat;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.port.GenerationRequest;
import io.github.mlx4j.port.GenerationResult;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.port.TextGenerationPort;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of folder on the real workers: the same text wherever two ways lead to it, or a refusal with a reason. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ModelFoldersIT {

    /** Each goes to another expert, in the order of their router. */
    private static final List<String> QUESTIONS =
            List.of("Who are you?", "Tell me a long story", "Why is the sky blue?");

    @ParameterizedTest
    @ValueSource(strings = {"peft", "peft-rslora", "peft-patterns"})
    void shouldAnswerAlikeWhenAnAdapterOfPeftIsOnEitherEngine(String kind) throws Exception {
        Path adapter = MadeModels.of(kind);
        var before = MadeModels.snapshot(adapter);

        List<GenerationResult> plain = answers(ProviderKind.HF, Fixture.MODEL, ModelOptions.DEFAULT);
        List<GenerationResult> reference = answers(ProviderKind.HF, adapter, ModelOptions.DEFAULT);

        assertThat(texts(reference)).isNotEqualTo(texts(plain));
        assertThat(texts(answers(ProviderKind.MLX, adapter, ModelOptions.DEFAULT)))
                .isEqualTo(texts(reference));
        for (ProviderKind kindOfWorker : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            assertThat(texts(answers(kindOfWorker, Fixture.MODEL, ModelOptions.DEFAULT.withAdapter(adapter))))
                    .isEqualTo(texts(reference));
        }
        assertThat(largestDifference(adapter)).isLessThan(1e-4);
        assertThat(MadeModels.snapshot(adapter)).isEqualTo(before);
    }

    @Test
    void shouldAnswerAlikeWhenTheAdapterIsOfMlxLm() throws Exception {
        Path peft = MadeModels.of("peft");
        Path adapter = MadeModels.ofMlx("adapter", peft.toString());

        List<GenerationResult> reference = answers(ProviderKind.HF, peft, ModelOptions.DEFAULT);

        assertThat(texts(answers(ProviderKind.MLX, adapter, ModelOptions.DEFAULT)))
                .isEqualTo(texts(reference));
        assertThat(texts(answers(ProviderKind.MLX, Fixture.MODEL, ModelOptions.DEFAULT.withAdapter(adapter))))
                .isEqualTo(texts(reference));
        assertThatThrownBy(() -> answers(ProviderKind.HF, adapter, ModelOptions.DEFAULT))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("mlx");
        assertFormat(adapter, ModelFormat.MLX_ADAPTER, true, false);
    }

    @Test
    void shouldLoadAQuantizedModelOnMlxOnly() throws Exception {
        Path quantized = MadeModels.ofMlx("quantized");
        Path converted = MadeModels.ofMlx("converted");

        assertThat(texts(answers(ProviderKind.MLX, converted, ModelOptions.DEFAULT)))
                .isEqualTo(texts(answers(ProviderKind.HF, converted, ModelOptions.DEFAULT)))
                .isEqualTo(texts(answers(ProviderKind.HF, Fixture.MODEL, ModelOptions.DEFAULT)));
        assertThat(answers(ProviderKind.MLX, quantized, ModelOptions.DEFAULT))
                .allSatisfy(answer -> assertThat(answer.text()).isNotBlank());
        assertThatThrownBy(() -> answers(ProviderKind.HF, quantized, ModelOptions.DEFAULT))
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
        ModelOptions options = ModelOptions.DEFAULT.withAllowPickles(kind.equals("dylora-c"));

        List<GenerationResult> routed = answers(ProviderKind.HF, folder, options);

        assertThat(routed)
                .extracting(GenerationResult::expert)
                .containsExactly(Optional.of("expert_0"), Optional.of("expert_1"), Optional.of("expert_2"));
        assertThat(texts(routed))
                .isEqualTo(texts(answers(ProviderKind.HF, MadeModels.of("dylora-d"), ModelOptions.DEFAULT)))
                .isNotEqualTo(texts(answers(ProviderKind.HF, Fixture.MODEL, ModelOptions.DEFAULT)));
        assertThat(texts(answers(ProviderKind.HF, folder, options.withExpert("expert_1")))
                        .get(1))
                .isEqualTo(routed.get(1).text());
        assertThat(details(ProviderKind.HF, folder, options).experts())
                .containsExactly("expert_0", "expert_1", "expert_2");
        assertThat(ModelInspector.inspect(folder, options.allowPickles()).format())
                .isEqualTo(format);
        assertThat(ModelInspector.inspect(folder, options.allowPickles())
                        .verdict(ProviderKind.HF)
                        .loads())
                .isTrue();
        assertThat(MadeModels.snapshot(folder)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"dylora-a", "dylora-b", "dylora-d"})
    void shouldAnswerAlikeWhenMlxHasOneExpertOfADyLoraMoe(String kind) throws Exception {
        Path folder = MadeModels.of(kind);
        ModelOptions second = ModelOptions.DEFAULT.withExpert("expert_1");

        assertThat(texts(answers(ProviderKind.MLX, folder, second)))
                .isEqualTo(texts(answers(ProviderKind.HF, folder, second)));
        assertThatThrownBy(() -> answers(ProviderKind.MLX, folder, ModelOptions.DEFAULT))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("expert_0");
    }

    @Test
    void shouldRefusePickledExpertsUnlessAllowed() {
        Path folder = MadeModels.of("dylora-c");

        assertThatThrownBy(() -> answers(ProviderKind.HF, folder, ModelOptions.DEFAULT))
                .isInstanceOf(UnsafeModelException.class);
        assertThat(ModelInspector.inspect(folder).loadable()).isFalse();
    }

    private static void assertFormat(Path folder, ModelFormat format, boolean mlx, boolean hf) {
        ModelInspection found = ModelInspector.inspect(folder);
        assertThat(found.format()).isEqualTo(format);
        assertThat(found.verdict(ProviderKind.MLX).loads()).isEqualTo(mlx);
        assertThat(found.verdict(ProviderKind.HF).loads()).isEqualTo(hf);
    }

    private static List<GenerationResult> answers(ProviderKind kind, Path model, ModelOptions options) {
        try (ProviderFactory providers = factory(kind, model, options)) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            return QUESTIONS.stream()
                    .map(question -> llm.generate(GenerationRequest.builder()
                            .user(question)
                            .temperature(0)
                            .maxTokens(24)
                            .build()))
                    .toList();
        }
    }

    private static List<String> texts(List<GenerationResult> answers) {
        return answers.stream().map(GenerationResult::text).toList();
    }

    private static ModelDetails details(ProviderKind kind, Path model, ModelOptions options) {
        try (ProviderFactory providers = factory(kind, model, options)) {
            return providers.createAnalysisAdapter().details();
        }
    }

    /** Between the logits of the two engines, on 40 tokens. */
    private static double largestDifference(Path model) {
        List<Integer> tokens = IntStream.range(3, 43).boxed().toList();
        double largest = 0;
        try (ProviderFactory mlx = factory(ProviderKind.MLX, model, ModelOptions.DEFAULT);
                ProviderFactory hf = factory(ProviderKind.HF, model, ModelOptions.DEFAULT)) {
            List<float[]> ofMlx = mlx.createAnalysisAdapter().logits(tokens);
            List<float[]> ofHf = hf.createAnalysisAdapter().logits(tokens);
            for (int i = 0; i < tokens.size(); i++) {
                for (int j = 0; j < ofHf.get(i).length; j++) {
                    largest = Math.max(largest, Math.abs(ofMlx.get(i)[j] - ofHf.get(i)[j]));
                }
            }
        }
        System.out.printf("adapter %s: logits of mlx and hf differ by %.1e at most%n", model.getFileName(), largest);
        return largest;
    }

    private static ProviderFactory factory(ProviderKind kind, Path model, ModelOptions options) {
        return ProviderFactory.create(Fixture.config(kind)
                .model(kind, model.toString())
                .workers(WorkerOptions.DEFAULT.withModel(options))
                .build());
    }
}
