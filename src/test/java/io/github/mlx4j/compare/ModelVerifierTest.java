package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelVerifierTest {

    private static final List<Prompt> PROMPTS = List.of(new Prompt.Raw("abc"), new Prompt.Tokens(List.of(4, 5)));

    @Test
    void shouldPassWhenBothAreTheSame() {
        Verification found = verify(new ToyModel());

        assertThat(found.passed()).isTrue();
        assertThat(found.reasons()).isEmpty();
        assertThat(found.notes()).isEmpty();
        assertThat(found.maxDifference()).isZero();
        assertThat(found.positions()).isEqualTo(5);
        assertThat(found.argmaxAgreed()).isEqualTo(5);
        assertThat(found.greedyAgreed()).isEqualTo(2);
        assertThat(found.prompts().get(0).greedy()).isEqualTo(new Verification.Greedy(5, 5, null));
        assertThat(found.a())
                .isEqualTo(new Verification.Model(
                        "A", "/models/toy", null, "mlx", "cpu", "float32", 9, Map.of("toy", "1")));
    }

    @Test
    void shouldMeasureDifferencesWhenLogitsAreApart() {
        // of nine logits at each of five places one is 0.25 higher
        Verification found = verify(new ToyModel().bending(adding(0, 0.25f)));

        assertThat(found.passed()).isFalse();
        assertThat(found.maxDifference()).isEqualTo(0.25);
        assertThat(found.meanDifference()).isCloseTo(0.25 / 9, within(1e-12));
        assertThat(found.reasons()).containsExactly("logits: 2 of 2 prompts differ");
        assertThat(found.prompts().get(0).differences())
                .containsExactly(
                        "logits: differ by 0.250 after the 1st token, which is more than 0.000100 of their range of 7.00");
        assertThat(found.greedyAgreed()).isEqualTo(2);
        assertThat(verify(new ToyModel().bending(adding(0, 0.25f)), 0.25).passed())
                .as("within the tolerance")
                .isTrue();
    }

    @Test
    void shouldAllowLargerDifferencesWhenTheLogitsAreLarger() {
        ComparedModel large = new ToyModel().bending(times(1000)).side("A");
        ComparedModel apart = new ToyModel()
                .bending(logits -> adding(0, 0.25f).apply(times(1000).apply(logits)))
                .side("B");

        assertThat(ModelVerifier.verify(large, apart, PROMPTS, 1e-4, 8).passed())
                .isTrue();
        assertThat(ModelVerifier.verify(large, apart, PROMPTS, 1e-5, 8).passed())
                .isFalse();
    }

    @Test
    void shouldSayWhereWhenTheLikeliestTokensDiffer() {
        UnaryOperator<float[]> afterC = logits -> logits[3] == 0 ? adding(6, 10).apply(logits) : logits;

        Verification found = verify(new ToyModel().bending(afterC), 100);

        assertThat(found.prompts().get(0).logits().argmaxDiffersAt()).containsExactly(2);
        assertThat(found.prompts().get(1).logits().argmaxDiffersAt()).isEmpty();
        assertThat(found.argmaxAgreed()).isEqualTo(4);
        assertThat(found.passed()).as("other text").isFalse();
        assertThat(found.reasons()).containsExactly("greedy: 1 of 2 prompts differ");
        assertThat(found.prompts().get(0).greedy())
                .isEqualTo(new Verification.Greedy(5, 2, new Verification.Divergence(0, 3, 6, 1.0, 7.0)));
        assertThat(found.prompts().get(0).differences()).containsExactly("greedy: tokens differ from the 1st on");
    }

    @Test
    void shouldSayThatOneEndedWhenItIsShorter() {
        UnaryOperator<float[]> afterG =
                logits -> logits[7] == 0 ? adding(ToyModel.END, 10).apply(logits) : logits;

        Verification found = verify(new ToyModel().bending(afterG), 100);

        assertThat(found.prompts().get(0).greedy().divergence().at()).isEqualTo(4);
        assertThat(found.prompts().get(0).greedy().divergence().tokenA()).isEqualTo(7);
        assertThat(found.prompts().get(0).greedy().divergence().tokenB()).isNull();
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void shouldNotPassWhenALogitIsNotFinite(float value) {
        Verification found = verify(new ToyModel().bending(logits -> set(logits, 0, value)), 1e30);

        assertThat(found.passed()).isFalse();
        assertThat(found.prompts().get(0).logits().notFinite()).isEqualTo(3);
        assertThat(found.prompts().get(0).differences()).contains("logits: 3 are NaN or infinite");
        assertThat(found.maxDifference()).as("of the finite ones").isZero();
    }

    @Test
    void shouldNotPassWhenBothHaveTheSameNaN() {
        ComparedModel broken =
                new ToyModel().bending(logits -> set(logits, 0, Float.NaN)).side("A");

        assertThat(ModelVerifier.verify(broken, broken, PROMPTS, 1, 4).passed()).isFalse();
    }

    @Test
    void shouldCompareTheCommonPartWhenOneVocabularyIsPadded() {
        Verification found = verify(new ToyModel().padded(16));

        assertThat(found.passed()).isTrue();
        assertThat(found.notes())
                .containsExactly(
                        "A has 9 token ids and B has 16, for example because one vocabulary is padded; the first 9 are compared.");
        assertThat(found.prompts().get(0).logits().vocabularySize()).isEqualTo(9);
        assertThat(found.b().vocabularySize()).isEqualTo(16);
        ComparedModel padded = new ToyModel().padded(16).side("A");
        assertThat(ModelVerifier.verify(padded, new ToyModel().side("B"), PROMPTS, 1e-4, 8)
                        .passed())
                .isTrue();
    }

    @Test
    void shouldCompareNothingElseWhenTheTokenizersDiffer() {
        Verification found = verify(new ToyModel().tokenizing(id -> id == 1 ? 7 : id));

        assertThat(found.passed()).isFalse();
        assertThat(found.reasons()).containsExactly("tokenizer: 1 of 2 prompts differ");
        assertThat(found.prompts().get(0).differences())
                .containsExactly("tokenizer: the 2nd token differs (1 against 7)");
        assertThat(found.prompts().get(0).logits()).isNull();
        assertThat(found.prompts().get(0).greedy()).isNull();
        assertThat(found.prompts().get(1).passed()).as("given as tokens").isTrue();
    }

    @Test
    void shouldSayThatBCannotTakeItWhenItRefuses() {
        ToyModel withTemplate = new ToyModel();
        ComparedModel a = new ComparedModel("A", withTemplate, new TemplatedTokenizer(withTemplate), withTemplate);
        Prompt chat = new Prompt.Chat(List.of(Message.user("ab")));

        Verification found = ModelVerifier.verify(a, new ToyModel().side("B"), List.of(chat), 1e-4, 4);

        assertThat(found.prompts().get(0).differences())
                .containsExactly("tokenizer: B rejected the prompt: It has no chat template.");
    }

    @Test
    void shouldSayThatBCannotTakeItWhenItLacksTheTokens() {
        ComparedModel a = new ToyModel().padded(16).side("A");

        Verification found =
                ModelVerifier.verify(a, new ToyModel().side("B"), List.of(new Prompt.Tokens(List.of(12))), 1e-4, 4);

        assertThat(found.prompts().get(0).differences())
                .containsExactly("logits: B rejected the tokens: It has 9 tokens.");
        assertThat(found.passed()).isFalse();
    }

    @Test
    void shouldSayThatBCannotTakeItWhenItsContextDoesNotHoldIt() {
        Verification found = verify(new ToyModel().holding(2));

        assertThat(found.passed()).isFalse();
        assertThat(found.prompts().get(0).differences())
                .containsExactly("logits: B rejected the tokens: Its context holds 2.");
        assertThat(found.prompts().get(1).logits()).isNotNull();
        assertThat(found.prompts().get(1).greedy()).isNull();
        assertThat(found.prompts().get(1).differences())
                .containsExactly("greedy: B rejected the tokens: Its context holds 2 with the answer.");
        assertThat(found.reasons()).containsExactly("logits: 1 of 2 prompts differ", "greedy: 1 of 2 prompts differ");
        assertThat(found.greedyAgreed()).isZero();
    }

    @Test
    void shouldFailWhenTheContextOfADoesNotHoldAPrompt() {
        ComparedModel small = new ToyModel().holding(2).side("A");

        assertThatExceptionOfType(ContextOverflowException.class)
                .isThrownBy(() -> ModelVerifier.verify(small, new ToyModel().side("B"), PROMPTS, 1, 4));
    }

    @Test
    void shouldHaveNoMarginWhenTheContextDoesNotHoldTheTokens() {
        ToyModel text = new ToyModel().holding(4);
        ComparedModel b = new ComparedModel("B", text, text, new ToyModel().holding(3));

        Verification found = ModelVerifier.verify(new ToyModel().side("A"), b, PROMPTS.subList(0, 1), 1e-4, 8);

        assertThat(found.prompts().get(0).greedy().divergence())
                .isEqualTo(new Verification.Divergence(1, 4, null, 1.0, null));
    }

    @Test
    void shouldRefuseWhenAValueCanNotBe() {
        ComparedModel side = new ToyModel().side("A");

        for (double tolerance : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatExceptionOfType(InvalidRequestException.class)
                    .isThrownBy(() -> ModelVerifier.verify(side, side, PROMPTS, tolerance, 4));
        }
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> ModelVerifier.verify(side, side, PROMPTS, 1, 0));
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> ModelVerifier.verify(side, side, List.of(), 1, 4));
    }

    @Test
    void shouldTellOfEachPromptWhenItIsDone() {
        List<String> done = new ArrayList<>();
        ComparedModel side = new ToyModel().side("A");

        ModelVerifier.verify(side, side, PROMPTS, 1, 4, check -> done.add(check.prompt()));

        assertThat(done).containsExactly("abc", "tokens [4, 5]");
    }

    @Test
    void shouldBeTheSameWhenWrittenAsJsonAndReadBack() throws Exception {
        Verification found = verify(new ToyModel().bending(adding(6, 10)));
        JsonMapper json = new JsonMapper();

        assertThat(json.readValue(json.writeValueAsString(found), Verification.class))
                .isEqualTo(found);
    }

    private static Verification verify(ToyModel b) {
        return verify(b, 1e-4);
    }

    private static Verification verify(ToyModel b, double tolerance) {
        return ModelVerifier.verify(new ToyModel().side("A"), b.side("B"), PROMPTS, tolerance, 8);
    }

    private static UnaryOperator<float[]> times(float factor) {
        return logits -> {
            float[] scaled = logits.clone();
            for (int token = 0; token < scaled.length; token++) {
                scaled[token] *= factor;
            }
            return scaled;
        };
    }

    private static UnaryOperator<float[]> adding(int id, float more) {
        return logits -> set(logits, id, logits[id] + more);
    }

    private static float[] set(float[] logits, int id, float value) {
        float[] changed = logits.clone();
        changed[id] = value;
        return changed;
    }
}
