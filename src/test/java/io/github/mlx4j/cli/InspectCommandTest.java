package io.github.mlx4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {

    private static final String TINY =
            Path.of("src", "test", "resources", "models", "tiny-chat").toString();

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
                .contains("3,072 bytes a token = 2 (keys, values) × 4 layers × 3 KV heads × 32 head size × 4 bytes")
                .contains("KV cache 12.6 MB (1 × 4096 tokens × ", " = 19.9 MB")
                .containsPattern("this machine .* beside a reserve of [\\d.]+ [GM]B it (fits|does not fit)")
                .contains("mlx would load it: mlx-lm ", "hf would load it: transformers ");
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
        assertThat(json.path("verdicts"))
                .hasSize(2)
                .allSatisfy(verdict ->
                        assertThat(verdict.path("loads").booleanValue()).isTrue());
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
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\", \"model_file\": \"evil.py\"}");

        assertThat(run("--json", folder.toString())).isEqualTo(1);
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertThat(json.path("verdicts").path(0).path("loads").booleanValue()).isFalse();
        assertThat(json.path("problems").path(0).path("code").textValue()).isEqualTo("UNSAFE_MODEL");
        assertThat(json.path("problems").path(0).path("blocks")).hasSize(2);
        assertThat(err.toString()).startsWith("mlx4j: UNSAFE_MODEL: ").contains("evil.py", "What to do: ");
    }

    @Test
    void shouldNameEveryProblemWhenThereAreMore() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\", \"model_file\": \"evil.py\"}");

        run(folder.toString());
        assertThat(out.toString())
                .contains("mlx would not load it: ", "hf would not load it: ", "more that is wrong:", "has no weights");
    }

    @Test
    void shouldExitWithZeroWhenOneWorkerLoadsIt() throws IOException {
        Files.createDirectories(folder.resolve("peft_adapters"));
        Files.writeString(folder.resolve("peft_adapters/expert_0.pt"), "");
        Files.createDirectories(folder.resolve("dylo_moe_state"));
        Files.writeString(folder.resolve("dylo_moe_state/router.pt"), "");
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"dylora-moe\", \"base_model_name_or_path\": \"org/base\"}");

        assertThat(run(folder.toString())).isEqualTo(1);
        assertThat(run("--allow-pickles", folder.toString())).isZero();
        assertThat(out.toString())
                .contains("DyLoRA-MoE experts, pickled (dylora_separated)")
                .containsPattern("base model +org/base \\(config.json: base_model_name_or_path\\)")
                .contains("hf would load it: with its experts, and its router to choose one; needs the base model org");
    }

    @Test
    void shouldFailWhenThereIsNoFolder() {
        assertThat(run(folder.resolve("none").toString())).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: MODEL_NOT_FOUND: There is no model folder at ");
        assertThat(out.toString()).isEmpty();
    }

    private int run(String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "inspect";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
                .execute(all);
    }
}
