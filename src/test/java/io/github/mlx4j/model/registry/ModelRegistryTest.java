package io.github.mlx4j.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.provider.ModelRole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelRegistryTest {

    @TempDir
    private Path folder;

    @Test
    void shouldKnowWhatTheDefaultWasMadeFrom() {
        assertThat(ModelRegistry.DEFAULT_MLX).isEqualTo("mlx-community/Phi-3-mini-4k-instruct-4bit");
        assertThat(ModelRegistry.builtIn().hfCounterpart(ModelRegistry.DEFAULT_MLX))
                .hasValue("microsoft/Phi-3-mini-4k-instruct");
    }

    @Test
    void shouldKnowNoneWhenAConvertedModelIsNotListed() {
        assertThat(ModelRegistry.builtIn().hfCounterpart("mlx-community/Something-8bit"))
                .isEmpty();
    }

    @Test
    void shouldTakeTheSameWhenAModelOfTheHubWasNotConverted() {
        assertThat(ModelRegistry.builtIn().hfCounterpart("HuggingFaceTB/SmolLM2-135M-Instruct"))
                .hasValue("HuggingFaceTB/SmolLM2-135M-Instruct");
    }

    @Test
    void shouldTakeTheSameWhenAFolderIsUnquantized() {
        String model =
                Path.of("src", "test", "resources", "models", "tiny-chat").toString();

        assertThat(ModelRegistry.builtIn().hfCounterpart(model)).hasValue(model);
    }

    @Test
    void shouldKnowNoneWhenAFolderIsQuantizedForMlx() throws IOException {
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"llama\", \"quantization\": {\"group_size\": 64, \"bits\": 4}}");

        assertThat(ModelRegistry.builtIn().hfCounterpart(folder.toString())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "", "[]", "{\"model_type\": \"llama\", \"quantization_config\": {\"bits\": 4}}"})
    void shouldLeaveItToTheWorkerWhenAFolderIsStrange(String config) throws IOException {
        assertThat(ModelRegistry.builtIn().hfCounterpart(folder.toString())).hasValue(folder.toString());

        Files.writeString(folder.resolve("config.json"), config);
        assertThat(ModelRegistry.builtIn().hfCounterpart(folder.toString())).hasValue(folder.toString());
    }

    @Test
    void shouldResolveTheUnsuffixedNamesToTheBuildsThatThereAre() {
        ModelRegistry registry = ModelRegistry.builtIn();

        assertThat(Stream.of(
                                "mlx-community/Phi-3-mini-4k-instruct",
                                "mlx-community/Orca-2-7b",
                                "mlx-community/orca-2-7b",
                                "mlx-community/Meta-Llama-3.1-8B-Instruct",
                                "mlx-community/Mistral-7B-Instruct-v0.3",
                                "mlx-community/Mistral-7B-Instruct-v0.2",
                                "mlx-community/TinyLlama-1.1B")
                        .map(registry::resolve))
                .containsExactly(
                        ModelRegistry.DEFAULT_MLX,
                        "mlx-community/Orca-2-7b-4bit",
                        "mlx-community/Orca-2-7b-4bit",
                        "mlx-community/Meta-Llama-3.1-8B-Instruct-4bit",
                        "mlx-community/Mistral-7B-Instruct-v0.3-4bit",
                        "mlx-community/Mistral-7B-Instruct-v0.2-4bit",
                        "mlx-community/TinyLlama-1.1B-Chat-v1.0-4bit");
        assertThat(registry.resolve("mlx-community/Something-8bit")).isEqualTo("mlx-community/Something-8bit");
        assertThat(registry.resolve("HuggingFaceTB/SmolLM2-135M-Instruct"))
                .isEqualTo("HuggingFaceTB/SmolLM2-135M-Instruct");
    }

    @Test
    void shouldNameEachModelOnceAndNoneAsVerified() {
        List<RegisteredModel> models = ModelRegistry.builtIn().models();

        assertThat(models.stream()
                        .flatMap(model -> Stream.concat(Stream.of(model.id()), model.aliases().stream()))
                        .map(name -> name.toLowerCase(Locale.ROOT)))
                .doesNotHaveDuplicates();
        assertThat(models)
                .allSatisfy(model -> assertThat(model.source()).isNotEmpty())
                .allMatch(model -> model.verified() == null)
                .anyMatch(model -> model.id().equals(ModelRegistry.DEFAULT_MLX));
    }

    /** Embeddings in and out, attention, MLP and norms of each layer, and the last norm. */
    @ParameterizedTest
    @CsvSource({
        "mlx-community/Mistral-7B-Instruct-v0.2-4bit, 14336",
        "mlx-community/Mistral-7B-Instruct-v0.3-4bit, 14336",
        "mlx-community/TinyLlama-1.1B-Chat-v1.0-4bit, 5632"
    })
    void shouldHaveTheParametersThatFollowFromTheSizes(String id, long intermediate) {
        RegisteredModel model = ModelRegistry.builtIn().find(id).orElseThrow();
        Architecture sizes = model.architecture();
        long hidden = sizes.hiddenSize();
        long attention = 2 * hidden * sizes.headSize() * (sizes.heads() + sizes.keyValueHeads());
        long layer = attention + 3 * hidden * intermediate + 2 * hidden;

        assertThat(model.parameters()).isEqualTo(2 * sizes.vocabularySize() * hidden + sizes.layers() * layer + hidden);
    }

    @Test
    void shouldListTheAliasesOnThePage() throws IOException {
        String rows = ModelRegistry.builtIn().models().stream()
                .filter(model -> !model.aliases().isEmpty() && !model.family().matches("Qwen3|Llama 3\\.2"))
                .map(model -> "| %s | `%s` |\n"
                        .formatted(
                                model.aliases().stream()
                                        .map(alias -> "`" + alias + "`")
                                        .collect(Collectors.joining(", ")),
                                model.id()))
                .collect(Collectors.joining());

        assertThat(Files.readString(Path.of("docs", "models.md"))).contains(rows + "<!-- end of aliases -->");
    }

    /** docs/configuration.md says so of the decomposer. */
    @ParameterizedTest
    @CsvSource({"16, mlx-community/Qwen3-8B-4bit", "4, mlx-community/Qwen3-4B-4bit"})
    void shouldPickTheDecomposerThatThePageNames(long gigabytes, String id) {
        assertThat(ModelRegistry.builtIn()
                        .pick(ModelRole.DECOMPOSER, gigabytes * 1_000_000_000, 4096)
                        .best())
                .hasValueSatisfying(best -> assertThat(best.model().id()).isEqualTo(id));
    }

    @Test
    void shouldHaveAModelForEachRoleThatGenerates() {
        for (ModelRole role : ModelRole.values()) {
            assertThat(ModelRegistry.builtIn()
                            .pick(role, Long.MAX_VALUE, 4096)
                            .best()
                            .isPresent())
                    .as(role.id())
                    .isEqualTo(role != ModelRole.RERANKER); // for which it has no model yet
        }
    }

    @Test
    void shouldComputeMemoryFromTheFacts() {
        MemoryEstimate phi = MemoryEstimate.inference(
                ModelRegistry.builtIn().find(ModelRegistry.DEFAULT_MLX).orElseThrow(), 4096);

        assertThat(phi.parts().get(0).bytes()).isEqualTo(3_821_079_552L * 9 / 16); // 4.5 bits each
        assertThat(phi.parts().get(1).bytes()).isEqualTo(2L * 32 * 32 * 96 * 2 * 4096);
        assertThat(phi.explain())
                .contains("3,821,079,552 parameters × 4.5 bits")
                .endsWith(" = 3.8 GB");
    }

    @Test
    void shouldLetTheUsersFileAddAndReplace() throws IOException {
        Files.writeString(folder.resolve("models.json"), """
                {"models": [
                  {"id": "me/mine", "provider": "mlx", "hfCounterpart": "me/whole", "parameters": 1000, "dtype": "float32",
                   "contextLength": 64, "roles": ["tester"], "aliases": ["me/short"],
                   "architecture": {"layers": 1, "hiddenSize": 8, "heads": 2, "keyValueHeads": 1, "headSize": 4}},
                  {"id": "mlx-community/Qwen3-8B-4bit", "provider": "mlx", "parameters": 5, "contextLength": 64,
                   "quantization": {"bits": 8, "groupSize": 32}, "verified": {"date": "2026-11-21", "revision": "abc"},
                   "architecture": {"layers": 1, "hiddenSize": 8, "heads": 2, "keyValueHeads": 1, "headSize": 4}}
                ]}
                """);

        ModelRegistry registry = ModelRegistry.open(folder);

        assertThat(registry.models()).hasSize(ModelRegistry.builtIn().models().size() + 1);
        assertThat(registry.resolve("me/short")).isEqualTo("me/mine");
        assertThat(registry.hfCounterpart("me/mine")).hasValue("me/whole");
        assertThat(MemoryEstimate.inference(registry.find("me/mine").orElseThrow(), 10)
                        .bytes())
                .isEqualTo(4 * 1000 + 2 * 4 * 4 * 10);
        assertThat(registry.find("mlx-community/Qwen3-8B-4bit"))
                .hasValueSatisfying(model -> assertThat(model.bitsPerWeight()).isEqualTo(9));
        assertThat(registry.find("mlx-community/Qwen3-8B")).isEmpty();
    }

    private static final String REST =
            ", \"contextLength\": 64, \"architecture\": {\"layers\": 1, \"hiddenSize\": 8, \"heads\": 2, \"keyValueHeads\": 1,"
                    + " \"headSize\": 4}}";

    static Stream<Arguments> badFiles() {
        String right = "{\"id\": \"a/b\", \"provider\": \"mlx\", \"parameters\": 5";
        return Stream.of(
                Arguments.of("{", "line 1"),
                Arguments.of("[]", "line 1"),
                Arguments.of("null", "it is null"),
                Arguments.of("{}", "there is no list of models"),
                Arguments.of("{\"models\": [null]}", "a model is null"),
                Arguments.of(
                        "{\"models\": [\n\n" + right + ", \"colour\": 1" + REST + "]}", "line 3: models[0].colour"),
                Arguments.of(
                        "{\"models\": [{\"id\": \"b\", \"provider\": \"mlx\", \"parameters\": 5" + REST + "]}",
                        "id is b, but must be a hub id"),
                Arguments.of(
                        "{\"models\": [{\"id\": \"a/b\", \"provider\": \"ollama\", \"parameters\": 5" + REST + "]}",
                        "must be mlx or hf"),
                Arguments.of(
                        "{\"models\": [{\"id\": \"a/b\", \"provider\": \"moon\"" + REST + "]}", "models[0].provider"),
                Arguments.of(
                        "{\"models\": [{\"id\": \"a/b\", \"provider\": \"mlx\", \"parameters\": \"many\"" + REST + "]}",
                        "models[0].parameters"),
                Arguments.of("{\"models\": [" + right + ", \"roles\": [\"boss\"]" + REST + "]}", "models[0].roles[0]"),
                Arguments.of("{\"models\": [" + right + ", \"dtype\": \"int3\"" + REST + "]}", "dtype of a/b is int3"),
                Arguments.of(
                        "{\"models\": [" + right + ", \"quantization\": {\"bits\": 1, \"groupSize\": 64}" + REST + "]}",
                        "models[0].quantization: bits is 1"),
                Arguments.of("{\"models\": [" + right + "}]}", "models[0].contextLength: it is missing"),
                Arguments.of("{\"models\": [" + right + ", \"contextLength\": 64}]}", "a/b has no architecture"));
    }

    @ParameterizedTest
    @MethodSource("badFiles")
    void shouldNameTheFileAndThePlaceWhenItIsNoRegistry(String json, String words) throws IOException {
        Path file = Files.writeString(folder.resolve("models.json"), json);

        assertThatThrownBy(() -> ModelRegistry.open(folder))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(words);
    }
}
