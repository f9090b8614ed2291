package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ModelPickTest {

    private static final int TOKENS = 4096;

    private final ModelRegistry registry = ModelRegistry.builtIn();

    @Test
    void shouldTakeTheLargestThatFitsToTheByte() {
        List<ModelPick.Candidate> all =
                registry.pick(ModelRole.GENERAL, Long.MAX_VALUE, TOKENS).candidates();
        for (ModelPick.Candidate one : all) {
            long needed = one.memory().bytes();
            ModelPick enough = registry.pick(ModelRole.GENERAL, needed, TOKENS);
            ModelPick less = registry.pick(ModelRole.GENERAL, needed - 1, TOKENS);

            assertThat(enough.best().orElseThrow().model().parameters())
                    .isGreaterThanOrEqualTo(one.model().parameters());
            assertThat(less.candidates().get(all.indexOf(one)).fits()).isFalse();
            assertThat(less.candidates().get(all.indexOf(one)).whyNot()).contains("1 bytes too much");
        }
    }

    @Test
    void shouldPickNoneWhenNothingFits() {
        ModelPick none = registry.pick(ModelRole.DECOMPOSER, 1000, TOKENS);

        assertThat(none.best()).isEmpty();
        assertThat(none.candidates())
                .isNotEmpty()
                .allMatch(candidate -> candidate.model().roles().contains(ModelRole.DECOMPOSER));
    }

    @Test
    void shouldLeaveOutWhatCanNotHoldTheContext() {
        ModelPick longer = registry.pick(ModelRole.DECOMPOSER, Long.MAX_VALUE, 8192);

        assertThat(longer.candidates())
                .filteredOn(candidate -> candidate.model().contextLength() < 8192)
                .isNotEmpty()
                .allMatch(candidate -> candidate.whyNot().equals("its context holds 4,096 tokens"));
    }

    @Test
    void shouldPreferTheLongerContextThenTheFirstIdWhenSizesAreTheSame() {
        RegisteredModel small = model("a/small", 10, 64);
        RegisteredModel late = model("b/late", 20, 64);
        RegisteredModel early = model("a/early", 20, 64);
        RegisteredModel longer = model("z/longer", 20, 128);

        assertThat(List.of(small, late, early, longer).stream().sorted(ModelPick.BEST_FIRST))
                .containsExactly(longer, early, late, small);
    }

    private static RegisteredModel model(String id, long parameters, int context) {
        return new RegisteredModel(
                id,
                ProviderKind.MLX,
                null,
                id,
                parameters,
                null,
                "float16",
                context,
                new Architecture(1, 8, 2, 1, 4, null),
                "mit",
                Set.of(ModelRole.GENERAL),
                "",
                List.of(),
                null);
    }
}
