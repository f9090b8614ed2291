package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.compare.ComparedModel;
import io.github.mlx4j.compare.ModelVerifier;
import io.github.mlx4j.compare.Verification;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests that both engines compute the same for every architecture: logits within 1e-4, and equal greedy tokens. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ArchitectureMatrixIT {

    private static final double TOLERANCE = Tolerance.of(1e-4);
    private static final List<String> ROWS = new ArrayList<>();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "llama-linear",
                "llama-llama3",
                "llama-theta",
                "llama-head",
                "mistral",
                "mistral-window",
                "gpt2",
                "gpt2-hub",
                "qwen2",
                "qwen3",
                "phi3",
                "gemma",
                "olmoe",
                "mixtral"
            })
    void shouldMakeTheSameOfTheModelOnBothEngines(String kind) throws Exception {
        Path model = MadeModels.of(kind);
        var before = MadeModels.snapshot(model);

        try (ProviderFactory mlx = Fixture.factory(ProviderKind.MLX, model);
                ProviderFactory hf = Fixture.factory(ProviderKind.HF, model)) {
            ModelDetails details = mlx.createAnalysisAdapter().details();
            int longest = Math.min(120, details.contextLength().orElse(120) - 24);
            Verification found = ModelVerifier.verify(side(mlx), side(hf), prompts(details, longest), TOLERANCE, 20);
            ROWS.add(String.format(
                    Locale.ROOT,
                    "%-16s %.1e  %d of %d prompts alike  %s",
                    kind,
                    found.maxDifference(),
                    found.greedyAgreed(),
                    found.prompts().size(),
                    String.join("; ", details.warnings())));
            assertThat(found.passed()).as("%s", found.reasons()).isTrue();
            assertThat(found.positions()).isPositive();
        } catch (Mlx4jException refused) {
            ROWS.add("%-16s refused: %s".formatted(kind, refused.getMessage()));
            throw refused;
        }
        assertThat(MadeModels.snapshot(model)).isEqualTo(before);
        assertThat(ModelInspector.inspect(model).problems()).isEmpty();
    }

    @AfterAll
    static void print() {
        System.out.println("matrix: mlx against hf, largest difference of logits\n" + String.join("\n", ROWS));
    }

    private static ComparedModel side(ProviderFactory providers) {
        return new ComparedModel(
                providers.selection().provider().id(),
                providers.createTextGenerationAdapter(),
                providers.createTokenizer(),
                providers.createAnalysisAdapter());
    }

    /** Random ids, short and as long as the context that both can serve. */
    private static List<Prompt> prompts(ModelDetails details, int longest) {
        Random random = new Random(20261121);
        return Stream.of(1, Math.min(7, longest), longest)
                .map(length -> (Prompt) new Prompt.Tokens(
                        random.ints(length, 3, details.vocabularySize()).boxed().toList()))
                .toList();
    }
}
