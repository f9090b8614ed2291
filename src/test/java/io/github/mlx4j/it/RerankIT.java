package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.langchain4j.data.segment.TextSegment;
import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.LoadReport;
import io.github.mlx4j.LocalModel;
import io.github.mlx4j.ModelConfig;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.langchain4j.Mlx4jScoringModel;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests rerankers with random weights and the real workers. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RerankIT {

    private static final String QUERY = "Why is the sky blue?";
    private static final List<String> DOCUMENTS = List.of(
            "Air scatters blue light.", "no", "Bread needs flour, water, salt and an hour. ".repeat(4), "漢字 yes?");

    @Test
    void shouldScoreAlikeOnBothEngines() {
        List<RerankResult> results = new ArrayList<>();
        for (ProviderKind kind : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            try (ProviderFactory providers = Fixture.factory(kind, MadeModels.of("reranker"))) {
                RerankPort reranker = providers.createRerankAdapter();
                results.add(reranker.rerank(QUERY, DOCUMENTS));
                results.add(reranker.rerank(RerankRequest.builder(QUERY, DOCUMENTS)
                        .instruction("Judge whether it is about bread")
                        .build()));
                List<Double> scored = Mlx4jScoringModel.builder(reranker)
                        .build()
                        .scoreAll(DOCUMENTS.stream().map(TextSegment::from).toList(), QUERY)
                        .content();
                assertThat(array(scored))
                        .containsExactly(array(results.get(results.size() - 2).scores()), within(1e-6));
                assertThatExceptionOfType(ContextOverflowException.class)
                        .isThrownBy(() -> reranker.rerank(QUERY, List.of("a", "word ".repeat(2000))))
                        .withMessageContaining("documents[1]");
            }
        }
        for (int i = 0; i < 2; i++) {
            assertThat(array(results.get(i + 2).scores()))
                    .containsExactly(array(results.get(i).scores()), within(Tolerance.of(1e-5)));
            assertThat(results.get(i + 2).promptTokens())
                    .isEqualTo(results.get(i).promptTokens());
        }
        assertThat(results.get(0).scores())
                .as("the documents and the instructions differ")
                .doesNotHaveDuplicates()
                .isNotEqualTo(results.get(1).scores())
                .allMatch(score -> score > 0 && score < 1);
    }

    @Test
    void shouldRerankWithAClassifierOnHfBehindMlx() {
        Path classifier = MadeModels.of("classifier");
        ProviderConfig config = Fixture.config(ProviderKind.MLX)
                .fallback(List.of(ProviderKind.HF))
                .model(ProviderKind.MLX, ModelRole.RERANKER, classifier.toString())
                .build();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            RerankResult result = providers.createRerankAdapter().rerank("sky", List.of("blue", "bread"));

            assertThat(result.backend().provider()).isEqualTo(ProviderKind.HF);
            assertThat(result.scores()).hasSize(2).allMatch(score -> score > 0 && score < 1);
        }
    }

    @Test
    void shouldLoadAClassifierThroughTransformers() {
        String classifier = MadeModels.of("classifier").toString();
        ProviderConfig providers = Fixture.config(ProviderKind.MLX).build();
        try (LocalModel model =
                new LocalModel(ModelConfig.builder(classifier, providers).build())) {
            LoadReport report = model.loadOrThrow();

            assertThat(report.backend().provider()).isEqualTo(ProviderKind.HF);
            assertThat(report.attempts().get(0).message())
                    .contains("is a sequence classifier (BertForSequenceClassification), which mlx-lm can't run");
            assertThat(report.details().capabilities()).containsExactly("rerank");
            assertThat(model.reranker().rerank("sky", List.of("blue")).scores()).hasSize(1);
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> model.text().generate("Hello"))
                    .withMessageContaining("can only rerank documents");
        }
    }

    @Test
    void shouldRefuseAPlainModelAndAClassifierOnMlx() {
        try (ProviderFactory providers = Fixture.factory(ProviderKind.MLX, Fixture.MODEL)) {
            assertThatExceptionOfType(NotSupportedException.class)
                    .isThrownBy(() -> providers.createRerankAdapter().rerank("sky", List.of("blue")))
                    .withMessageContaining("is not recognized as a reranker");
        }
        try (ProviderFactory providers = Fixture.factory(ProviderKind.MLX, MadeModels.of("classifier"))) {
            assertThatExceptionOfType(ModelLoadException.class)
                    .isThrownBy(() -> providers.createRerankAdapter().rerank("sky", List.of("blue")))
                    .withMessageContaining("Use the hf worker");
        }
    }

    @Test
    void shouldPrintJsonOfItsSchema() throws Exception {
        Map<String, String> environment = new HashMap<>(Program.ENVIRONMENT);
        environment.put("MLX_MODEL_RERANKER", MadeModels.of("reranker").toString());
        List<String> command = JavaCommand.of("-jar", CliIT.jar(), "rerank", QUERY, "blue", "a", "--json");

        Program run = Program.run(environment, command);

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(Files.readString(Path.of("docs", "schemas", "rerank.schema.json")), InputFormat.JSON)
                        .validate(run.out(), InputFormat.JSON))
                .as(run.out())
                .isEmpty();
    }

    private static double[] array(List<Double> scores) {
        return scores.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
