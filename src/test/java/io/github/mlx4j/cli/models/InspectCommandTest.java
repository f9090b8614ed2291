package io.github.mlx4j.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class InspectCommandTest {

    private static final String TINY =
            Path.of("src", "test", "resources", "models", "tiny-chat").toString();

    private static final Verdict REFUSED =
            Verdict.refused(ProviderKind.HF, "MODEL_LOAD_FAILED", "it is too old", "Save it.");
    private static final Verdict NOT_JUDGED = Verdict.notJudged(ProviderKind.MLX, "no Python", "mlx4j setup mlx");

    private final List<LoadConfig> asked = new ArrayList<>();
    private static final EmbeddingDetails EMBEDDINGS = new EmbeddingDetails(
            List.of("mean"),
            EmbeddingDetails.Origin.ASSUMED,
            List.of(),
            Map.of(),
            Optional.empty(),
            OptionalInt.empty(),
            OptionalInt.of(96));

    private List<Verdict> verdicts = List.of(
            Verdict.loads(ProviderKind.MLX, "mlx-lm 1", Optional.of(EMBEDDINGS), true, List.of("look out")), REFUSED);
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    @Test
    void shouldBeginWithTheFormatAndSayWhoLoadsIt() {
        assertThat(run(TINY)).isZero();

        assertThat(out.toString().lines().findFirst()).hasValue("transformers model (hf)");
        assertThat(out.toString())
                .containsPattern("model type +llama")
                .containsPattern("weights +7.3 MB in 38 tensors: F32 7.3 MB")
                .containsPattern("context +4,096 tokens")
                .containsPattern("tokenizer +yes, with a chat template")
                .contains("3,072 bytes per token = 2 (keys, values) × 4 layers × 3 KV heads × 32 head size × 4 bytes")
                .contains("KV cache 12.6 MB (1 × 4096 tokens × ", " = 19.9 MB")
                .containsPattern("this machine .* with a reserve of [\\d.]+ [GM]B it (fits|does not fit)")
                .contains(
                        "mlx loads it: mlx-lm 1\n  embeds       mean (assumed), 96 dimensions\n  reranks      yes\n"
                                + "  warning      look out",
                        "hf does not load it: it is too old\n  what to do   Save it.");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void shouldPrintOneJsonObject() throws IOException {
        assertThat(run("--json", TINY)).isZero();

        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("format").textValue()).isEqualTo("hf");
        assertThat(json.path("parameters").longValue()).isEqualTo(1_820_352);
        assertThat(json.path("memory").path("kvBytesPerToken").longValue()).isEqualTo(3072);
        assertThat(json.path("memory").path("fullContextBytes").longValue()).isEqualTo(19_864_320);
        assertThat(json.path("memory").path("fitsNow").isBoolean()).isTrue();
        assertThat(json.path("verdicts").toString())
                .isEqualTo(
                        "[{\"provider\":\"mlx\",\"verdict\":\"loads\",\"code\":\"\",\"reason\":\"mlx-lm 1\",\"fix\":\"\","
                                + "\"pooling\":\"mean (assumed)\",\"dimensions\":96,\"reranks\":true,\"warnings\":[\"look out\"]},"
                                + "{\"provider\":\"hf\",\"verdict\":\"refused\",\"code\":\"MODEL_LOAD_FAILED\","
                                + "\"reason\":\"it is too old\",\"fix\":\"Save it.\",\"pooling\":null,\"dimensions\":null,\"reranks\":null,"
                                + "\"warnings\":[]}]");
        assertThat(json.path("problems")).isEmpty();
        assertThat(json.path("baseModel").isNull()).isTrue();
    }

    @Test
    void shouldNotSayThatItFitsWhenNotAllIsKnown() throws IOException {
        Files.copy(Path.of(TINY, "model.safetensors"), folder.resolve("model.safetensors"));
        Files.copy(Path.of(TINY, "tokenizer.json"), folder.resolve("tokenizer.json"));
        String config = Files.readString(Path.of(TINY, "config.json"));
        Files.writeString(folder.resolve("config.json"), config.replace("max_position_embeddings", "other"));

        assertThat(run("--json", folder.toString())).isZero();
        JsonNode memory = new JsonMapper().readTree(out.toString()).path("memory");
        assertThat(memory.path("complete").booleanValue()).isFalse();
        assertThat(memory.path("fitsNow").isNull()).isTrue();
        assertThat(memory.path("fullContextBytes").longValue()).isEqualTo(7_281_408);

        run(folder.toString());
        assertThat(out.toString()).contains(" = at least 7.3 MB").containsPattern("available now, so it may fit; ");
    }

    @Test
    void shouldExitWithOneAndSayWhyWhenNothingLoadsIt() throws IOException {
        verdicts = List.of(NOT_JUDGED, REFUSED);

        assertThat(run("--json", TINY)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualToIgnoringNewLines("mlx4j: MODEL_LOAD_FAILED: it is too old What to do: Save it.");
    }

    @Test
    void shouldSayNothingOfWhatToDoWhenThereIsNoHint() {
        verdicts = List.of(Verdict.refused(ProviderKind.HF, "MODEL_LOAD_FAILED", "it is too old", ""));

        assertThat(run(TINY)).isEqualTo(1);
        assertThat(err.toString()).isEqualToIgnoringNewLines("mlx4j: MODEL_LOAD_FAILED: it is too old");
        assertThat(out.toString().toLowerCase(Locale.ROOT)).doesNotContain("what to do");
    }

    @Test
    void shouldSayWhatItCannotDoWhenItOnlyGenerates() {
        verdicts = List.of(Verdict.loads(ProviderKind.MLX, "mlx-lm 1", Optional.empty(), false, List.of()));

        assertThat(run(TINY)).isZero();
        assertThat(out.toString()).contains("  embeds       no\n  reranks      no\n");
    }

    @Test
    void shouldCountNoKvCacheWhenItIsAnEncoder() throws IOException {
        Files.copy(Path.of(TINY, "model.safetensors"), folder.resolve("model.safetensors"));
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"bert\", \"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2}");

        assertThat(run(folder.toString())).isZero();
        assertThat(out.toString())
                .containsPattern("KV cache +none: an encoder keeps no keys and values")
                .containsPattern("full context +weights 7.3 MB \\(the bytes of 38 tensors\\) = 7.3 MB");
    }

    @Test
    void shouldExitWithThreeWhenNobodyCouldJudge() throws IOException {
        verdicts = List.of(NOT_JUDGED, NOT_JUDGED);

        assertThat(run(TINY)).isEqualTo(3);
        assertThat(out.toString()).contains("mlx did not check it: no Python", "what to do   mlx4j setup mlx");
        assertThat(err.toString())
                .startsWith("mlx4j: NO_PROVIDER_AVAILABLE: No worker could check the model. no Python");
    }

    @Test
    void shouldSayWhatIsDangerousWhenNobodyCouldJudge() throws IOException {
        verdicts = List.of(NOT_JUDGED);
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\", \"model_file\": \"evil.py\"}");

        assertThat(run("--json", folder.toString())).isEqualTo(1);
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("verdicts").path(0).path("verdict").textValue()).isEqualTo("not_judged");
        assertThat(json.path("problems").path(0).path("code").textValue()).isEqualTo("UNSAFE_MODEL");
        assertThat(err.toString()).startsWith("mlx4j: UNSAFE_MODEL: ").contains("evil.py", "What to do: ");
    }

    @Test
    void shouldNameEveryProblemWhenThereAreMore() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\", \"model_file\": \"evil.py\"}");

        run("--files-only", folder.toString());
        assertThat(out.toString()).contains("problems in its files", "evil.py", "has no weights");
    }

    @Test
    void shouldAskNobodyWhenOnlyTheFilesAreWanted() {
        assertThat(run("--files-only", TINY)).isZero();

        assertThat(asked).isEmpty();
        assertThat(out.toString()).doesNotContain("loads it", "did not check it");
    }

    @Test
    void shouldPassOnThatPicklesAreAllowed() throws IOException {
        Files.createDirectories(folder.resolve("peft_adapters"));
        Files.writeString(folder.resolve("peft_adapters/expert_0.pt"), "");
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"dylora-moe\", \"base_model_name_or_path\": \"org/base\"}");

        assertThat(run("--files-only", folder.toString())).isEqualTo(1);
        assertThat(run("--allow-pickles", folder.toString())).isZero();
        assertThat(asked).extracting(LoadConfig::allowPickles).containsExactly(true);
        assertThat(out.toString())
                .contains("DyLoRA-MoE experts, pickled (dylora_separated)")
                .containsPattern("base model +org/base \\(config.json: base_model_name_or_path\\)");
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "makes a pipe")
    void shouldFailAtOnceWhenItIsAPipe() throws Exception {
        for (String name : List.of("pipe", "pipe.gguf")) {
            Path pipe = folder.resolve(name);
            assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                    .isZero();

            assertThat(runAll(pipe)).isEqualTo(1);
        }
        assertThat(err.toString().lines())
                .hasSize(2)
                .allMatch(line -> line.startsWith("mlx4j: MODEL_NOT_FOUND: ") && line.contains(" is not a folder."));
    }

    @Test
    void shouldFailWhenThereIsNoFolder() {
        assertThat(runAll(folder.resolve("none"))).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: MODEL_NOT_FOUND: There is no model folder at ");
        assertThat(out.toString()).isEmpty();
    }

    private int run(String... arguments) {
        return new CommandLine(new InspectCommand((model, options) -> {
                    asked.add(options);
                    return verdicts;
                }))
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    /** Without a worker, as a user runs it. */
    private int runAll(Path model) {
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute("inspect", "--files-only", model.toString());
    }
}
