package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests which model a role uses, depending on the settings and defaults. */
class RoleSettingsTest {

    private static final String PHI3 = ModelRegistry.DEFAULT_MLX;

    @ParameterizedTest
    @EnumSource
    void shouldTakeTheModelOfARoleWhenItIsNamed(ProviderKind provider) {
        for (ModelRole role : RoleSettings.ROLES) {
            Map<String, String> settings = new HashMap<>(Map.of(provider.name() + "_MODEL", "plain"));
            settings.put(provider.name() + "_MODEL_" + role.name(), " own ");

            ProviderConfig config = ProviderConfig.fromEnv(settings);

            assertThat(config.model(provider, role)).hasValue("own");
            for (ModelRole other : ModelRole.values()) {
                assertThat(choice(config).model(provider, other)).hasValue(other == role ? "own" : "plain");
            }
        }
    }

    @Test
    void shouldBeTheSameInAProgram() {
        assertThat(ProviderConfig.builder()
                        .model(ProviderKind.MLX, ModelRole.ROUTER, "r")
                        .model(ProviderKind.MLX, ModelRole.GENERAL, "g")
                        .build())
                .isEqualTo(ProviderConfig.fromEnv(Map.of("MLX_MODEL_ROUTER", "r", "MLX_MODEL", "g")))
                .isNotEqualTo(ProviderConfig.fromEnv(Map.of("MLX_MODEL", "g")));
    }

    @ParameterizedTest
    @CsvSource({
        "MLX, ROUTER, mlx-community/Phi-3-mini-4k-instruct-4bit",
        "MLX, GENERAL, mlx-community/Phi-3-mini-4k-instruct-4bit",
        "HF, TESTER, microsoft/Phi-3-mini-4k-instruct",
        "OLLAMA, ROUTER, phi3",
        "OLLAMA, DECOMPOSER, orca2",
        "OLLAMA, ENHANCER, llama3.1",
        "OLLAMA, TESTER, mistral",
        "OLLAMA, GENERAL, llama3.1",
        "OPENAI, ROUTER, gpt-4"
    })
    void shouldHaveTheDefaultOfTheRoleWhenNothingIsNamed(ProviderKind provider, ModelRole role, String model) {
        assertThat(choice(Map.of()).model(provider, role)).hasValue(model);
        assertThat(choice(Map.of()).origin(provider, role))
                .isEqualTo(provider == ProviderKind.HF ? "counterpart of the mlx model" : "default");
    }

    @ParameterizedTest
    @EnumSource
    void shouldHaveNoDefaultWhereNoneIsKnown(ModelRole role) {
        assertThat(choice(Map.of()).model(ProviderKind.ANTHROPIC, role)).isEmpty();
        assertThat(choice(Map.of("OPENAI_BASE_URL", "http://localhost:1/v1")).model(ProviderKind.OPENAI, role))
                .as("another's models")
                .isEmpty();
    }

    @Test
    void shouldTakeTheCounterpartOfTheRolesMlxModelForHf() {
        ProviderChoice choice =
                choice(Map.of("MLX_MODEL_ROUTER", "org/router", "MLX_MODEL_TESTER", "mlx-community/Something-8bit"));

        assertThat(choice.model(ProviderKind.HF, ModelRole.ROUTER)).hasValue("org/router");
        assertThat(choice.model(ProviderKind.HF, ModelRole.TESTER)).isEmpty();
        assertThat(choice.model(ProviderKind.HF, ModelRole.GENERAL)).hasValue("microsoft/Phi-3-mini-4k-instruct");
    }

    @Test
    void shouldTellWhoNamedAModel() {
        ProviderChoice choice = choice(Map.of("MLX_MODEL", "plain", "MLX_MODEL_ROUTER", "own"));

        assertThat(choice.origin(ProviderKind.MLX, ModelRole.ROUTER)).isEqualTo("MLX_MODEL_ROUTER");
        assertThat(choice.origin(ProviderKind.MLX, ModelRole.TESTER)).isEqualTo("MLX_MODEL");
        assertThat(choice.origin(ProviderKind.OLLAMA, ModelRole.ROUTER)).isEqualTo("default");
    }

    @ParameterizedTest
    @ValueSource(strings = {"MLX_MODEL_FOO", "MLX_MODEL_GENERAL", "MLX_MODEL_", "OPENAI_MODEL_GENERAL"})
    void shouldListTheRolesWhenThereIsNoSuchOne(String name) {
        String plain = name.startsWith("MLX") ? "MLX_MODEL" : "OPENAI_MODEL";
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ProviderConfig.fromEnv(Map.of(name, "a")))
                .withMessage("%1$s is set, but there is no such setting. What to do: Set %2$s for all roles, or"
                                .formatted(name, plain)
                        + " %1$s_ROUTER, %1$s_DECOMPOSER, %1$s_ENHANCER, %1$s_TESTER, %1$s_RERANKER for a single one."
                                .formatted(plain));
        assertThat(ProviderConfig.fromEnv(Map.of(name, " "))).isEqualTo(ProviderConfig.fromEnv(Map.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"HF_MODEL_ID", "OPENAI_MODEL_NAME", "MLX_MODELS"})
    void shouldLeaveTheVariablesOfOtherProgramsAlone(String name) {
        assertThat(ProviderConfig.fromEnv(Map.of(name, "a"))).isEqualTo(ProviderConfig.fromEnv(Map.of()));
    }

    @Test
    void shouldBeDocumentedAsDefined() throws IOException {
        String rows = Arrays.stream(ModelRole.values())
                .map(role -> "| `%s` | %s |%n"
                        .formatted(
                                role.id(),
                                Arrays.stream(ProviderKind.values())
                                        .map(provider -> cell(provider, role))
                                        .collect(Collectors.joining(" | "))))
                .collect(Collectors.joining());
        assertThat(Files.readString(Path.of("docs", "configuration.md")))
                .contains("|---|---|---|---|---|---|\n" + rows + "<!-- end of roles -->");
    }

    @Test
    void shouldHaveNoDefaultForAReranker() {
        for (ProviderKind provider : ProviderKind.values()) {
            assertThat(choice(Map.of()).model(provider, ModelRole.RERANKER)).isEmpty();
        }
    }

    private static String cell(ProviderKind provider, ModelRole role) {
        String model = choice(Map.of()).model(provider, role).orElse("none");
        String shown = provider == ProviderKind.HF && role != ModelRole.RERANKER
                ? "its counterpart"
                : model.equals(PHI3) ? "4-bit Phi-3-mini" : model;
        return "`%s`: %s".formatted(RoleSettings.name(provider, role), shown);
    }

    private static ProviderChoice choice(Map<String, String> settings) {
        return choice(ProviderConfig.fromEnv(settings));
    }

    private static ProviderChoice choice(ProviderConfig config) {
        return new ProviderChoice(config, new Platform("Linux", "amd64", false));
    }
}
