package io.github.mlx4j.model;

import static io.github.mlx4j.port.ProviderKind.HF;
import static io.github.mlx4j.port.ProviderKind.MLX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.Companions;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.port.ProviderKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ModelInspectorTest {

    private static final Path TINY = Path.of("src", "test", "resources", "models", "tiny-chat");

    @TempDir
    private Path temp;

    private Path folder;

    @BeforeEach
    void nameTheFolder() {
        folder = temp.resolve("ein Modell ü");
    }

    @Test
    void shouldInspectAFolderWithCompanionFilesOfMacosAsOneWithout() throws IOException {
        Files.createDirectories(folder);
        for (Path file : FileTree.list(TINY)) {
            Files.copy(file, folder.resolve(file.getFileName()));
        }
        Files.move(folder.resolve("model.safetensors"), folder.resolve("weights.safetensors")); // any name will do
        ModelInspection before = ModelInspector.inspect(folder);

        Companions.scatter(folder);

        assertThat(ModelInspector.inspect(folder)).isEqualTo(before);
    }

    @Test
    void shouldKnowAllOfTheFixtureModel() {
        ModelInspection model = ModelInspector.inspect(TINY);

        assertThat(model.format()).isEqualTo(ModelFormat.HF);
        assertThat(model.modelType()).isEqualTo("llama");
        assertThat(model.base()).isNull();
        assertThat(model.metadata()).isEmpty();
        assertThat(model.dtypes()).isEqualTo(Map.of("F32", 7_281_408L));
        assertThat(model.dtype()).hasValue("F32");
        assertThat(model.quantization()).isNull();
        assertThat(model.architecture()).isEqualTo(new Architecture(4, 192, 6, 3, 32, 1024));
        assertThat(model.parameters()).isEqualTo(1_820_352);
        assertThat(model.contextLength()).isEqualTo(4096);
        assertThat(model.weightBytes()).isEqualTo(4 * 1_820_352);
        assertThat(model.tensors()).isEqualTo(38);
        assertThat(model.kvCache().bytesPerToken()).isEqualTo(2 * 4 * 3 * 32 * 4);
        assertThat(model.kvCacheNote()).isEmpty();
        assertThat(model.tiedEmbeddings()).isTrue();
        assertThat(model.tokenizer()).isTrue();
        assertThat(model.chatTemplate()).isTrue();
        assertThat(model.problems()).isEmpty();
        assertThat(model.verdict(MLX))
                .isEqualTo(new Verdict(MLX, true, "mlx-lm 0.32.2 has the architecture llama", ""));
        assertThat(model.verdict(HF).reason()).isEqualTo("transformers 5.23.0 has the architecture llama");
        assertThat(model.loadable()).isTrue();
    }

    @Test
    void shouldCountUnpackedParametersWhenMlxQuantizedThem() throws IOException {
        ModelInspection model = ModelInspector.inspect(Folders.mlxQuantized(folder));

        assertThat(model.format()).isEqualTo(ModelFormat.MLX_QUANTIZED);
        assertThat(model.quantization()).isEqualTo(new Quantization("mlx", 4, 4, "affine"));
        assertThat(model.parameters()).isEqualTo(8 * 8 + 8 * 8 + 8 + 8); // the second matrix has 8 bits
        assertThat(model.dtypes().keySet()).containsExactly("F16", "U32");
        assertThat(model.verdict(MLX).loads()).isTrue();
        assertRefused(model, HF, "is quantized in MLX's format, which transformers can't read");
        assertThat(model.verdict(HF).fix()).isEqualTo("Use the model that it was made from.");
    }

    @Test
    void shouldNeedBitsAndGroupsWhenMlxQuantizedIt() throws IOException {
        Folders.mlxQuantized(folder);
        Folders.write(folder, "config.json", Folders.config("\"quantization\": {}"));

        assertRefused(ModelInspector.inspect(folder), MLX, "a quantization without bits and group_size");
    }

    @Test
    void shouldKnowWhichLibraryReadsWhatWhenTransformersQuantizedIt() throws IOException {
        Folders.hf(folder);
        Folders.write(
                folder,
                "config.json",
                Folders.config("\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4}"));
        ModelInspection gptq = ModelInspector.inspect(folder);
        assertThat(gptq.quantization()).isEqualTo(new Quantization("gptq", 4, null, null));
        assertThat(gptq.parameters()).isNull();
        assertThat(gptq.verdict(MLX).loads()).isTrue();
        assertRefused(gptq, HF, "is quantized with gptq, which transformers reads only with packages");

        Folders.write(
                folder, "config.json", Folders.config("\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}"));
        assertRefused(ModelInspector.inspect(folder), MLX, "is quantized with bitsandbytes, which mlx-lm can't read");
        assertRefused(ModelInspector.inspect(folder), HF, "is quantized with bitsandbytes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "llama | \"mxfp4\" | true | true",
                "llama | \"fp8\" | false | true",
                "llama | \"fp8\", \"scale_fmt\": \"ue8m0\", \"weight_block_size\": [32, 32] | true | true",
                "llama | \"fp8\", \"scale_fmt\": \"ue8m0\", \"weight_block_size\": [128, 128] | false | true",
                "deepseek_v3 | \"fp8\", \"weight_block_size\": [128, 128] | true | true",
                "ministral3 | \"fp8\" | true | true",
                "minimax_m2 | \"fp8\" | true | true",
                "llama | \"modelopt\", \"quant_algo\": \"NVFP4\" | true | false",
                "llama | \"modelopt\", \"quantization\": {\"quant_algo\": \"NVFP4\"} | true | false",
                "llama | \"modelopt\", \"quant_algo\": \"FP8\" | false | false",
                "llama | \"modelopt\" | false | false",
                "llama | \"compressed-tensors\", \"format\": \"pack-quantized\" | true | false",
                "llama | \"compressed-tensors\", \"format\": \"float-quantized\" | false | false",
                "llama | \"gptq\", \"bits\": 8 | false | false",
                "llama | \"awq\" | true | false"
            })
    void shouldReadOnlyTheKindsThatTheLibrariesDoWhenTransformersQuantizedIt(
            String type, String method, boolean mlx, boolean hf) throws IOException {
        Folders.hf(folder);
        Folders.write(
                folder,
                "config.json",
                Folders.config("\"quantization_config\": {\"quant_method\": %s}".formatted(method))
                        .replace("llama", type));

        ModelInspection model = ModelInspector.inspect(folder);
        assertThat(model.verdict(MLX).loads()).isEqualTo(mlx);
        assertThat(model.verdict(HF).loads()).isEqualTo(hf);
        if (hf) {
            assertThat(model.verdict(HF).reason()).contains("; without a GPU for ", "are turned into bfloat16");
        }
    }

    @Test
    void shouldFindShardsWhenAnIndexNamesThem() throws IOException {
        shards();
        Safetensors.llama(2).write(folder.resolve("consolidated.safetensors")); // another copy, which isn't loaded

        ModelInspection model = ModelInspector.inspect(folder);
        assertThat(model.problems()).isEmpty();
        assertThat(model.tensors()).isEqualTo(10);
    }

    @Test
    void shouldRefuseADamagedCopyOnlyWhenAWorkerReadsIt() throws IOException {
        Folders.hf(folder);
        Files.write(folder.resolve("consolidated.safetensors"), new byte[0]);
        assertThat(ModelInspector.inspect(folder).problems()).isEmpty();

        Files.write(folder.resolve("model.fp16.safetensors"), new byte[0]);
        assertRefusedByAll("model.fp16.safetensors is no whole safetensors file: it is empty");
    }

    @Test
    void shouldLeaveItToTransformersWhenATensorIsThereTwice() throws IOException {
        Folders.hf(folder);
        Safetensors.llama(2).write(folder.resolve("model.fp16.safetensors"));

        ModelInspection model = ModelInspector.inspect(folder);
        assertThat(model.tensors()).isEqualTo(10);
        assertRefused(model, MLX, "twice, in model.fp16.safetensors and model.safetensors");
        assertThat(model.verdict(HF).loads()).isTrue();
    }

    @Test
    void shouldRefuseWhenAShardIsMissing() throws IOException {
        shards();
        Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
        assertRefusedByAll("names model-00002-of-00002.safetensors, which is not there");

        Files.delete(folder.resolve("model.safetensors.index.json"));
        assertRefusedByAll("has 1 of 2 files of weights like model-00001-of-00002.safetensors");
    }

    @Test
    void shouldRefuseWhenTheIndexNamesTensorsThatAreNotThere() throws IOException {
        shards();
        index("{\"nosuch\": \"model-00001-of-00002.safetensors\"}");

        assertRefusedByAll("says that model-00001-of-00002.safetensors has the tensor nosuch, but it has not");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"a\": \"../model.safetensors\"} | names weights that are no *.safetensors in that folder: ../model",
                "{\"a\": \"pytorch_model.bin\"} | names weights that are no *.safetensors in that folder: pytorch",
                "{\"a\": 7} | names weights that are no *.safetensors in that folder: 7",
                "[] | has no weight_map"
            })
    void shouldRefuseAnIndexWhenItCouldLeadAnywhere(String weightMap, String message) throws IOException {
        Folders.hf(folder);
        index(weightMap);

        assertRefusedByAll(message);
    }

    @Test
    void shouldTakeAnAttentionImplementationOfTransformers() throws IOException {
        Folders.hf(folder);
        JsonNode config =
                new JsonMapper().readTree(folder.resolve("config.json").toFile());
        Folders.write(
                folder,
                "config.json",
                ((ObjectNode) config).put("_attn_implementation", "sdpa").toString());

        assertThat(ModelInspector.inspect(folder).problems()).isEmpty();
    }

    @Test
    void shouldRefuseMoreTensorsThanAnyModelHas() throws IOException {
        Folders.hf(folder);
        Files.delete(folder.resolve("model.safetensors"));
        for (int file = 0; file < 4; file++) {
            StringBuilder header = new StringBuilder("{");
            for (int tensor = 0; tensor < 130_000; tensor++) {
                header.append(tensor == 0 ? "" : ",")
                        .append("\"%d.%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
                                .formatted(file, tensor));
            }
            Files.write(
                    folder.resolve("model-%d.safetensors".formatted(file)),
                    Safetensors.bytes(header.append("}").toString(), 0));
        }

        assertRefusedByAll("has more than 500,000 tensors");
    }

    @Test
    void shouldNotReadAFileOfTheAuthorThatIsTooLong() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "generation_config.json", "{}" + " ".repeat(1 << 20));

        assertThat(ModelFolder.open(folder).json("generation_config.json").isMissingNode())
                .isTrue();
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> ModelFolder.open(folder).readJson("generation_config.json"))
                .withMessageContaining("it is too long: 1,048,576 bytes are the limit");
    }

    @Test
    void shouldRefuseAnIndexWhenItCantBeRead() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "model.safetensors.index.json", "{");

        assertRefusedByAll("model.safetensors.index.json can't be read");
    }

    @Test
    void shouldRefuseWeightsWhenTheyAreDamaged() throws IOException {
        Folders.hf(folder);
        byte[] whole = Files.readAllBytes(folder.resolve("model.safetensors"));
        Files.write(folder.resolve("model.safetensors"), Arrays.copyOf(whole, whole.length - 1));
        assertRefusedByAll("it is truncated");

        Files.write(folder.resolve("model.safetensors"), new byte[0]);
        assertRefusedByAll("model.safetensors is no whole safetensors file: it is empty");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | config.json can't be read: it is empty",
                "{ | config.json can't be read",
                "{} {} | config.json can't be read",
                "[] | it has no JSON object",
                "{} | names no model_type",
                "{\"model_type\": 7} | names no model_type",
                "{\"model_type\": \"llama\", \"model_file\": \"evil.py\"} | model_file evil.py",
                "{\"model_type\": \"llama\", \"_attn_implementation\": \"evil/kernel\"} | hub: _attn_implementation is evil/k",
                "{\"model_type\": \"llama\", \"a\": [{\"attn_implementation_internal\": \"evil/kernel\"}]} | is evil/kernel",
                "{\"model_type\": \"llama\", \"experts_implementation\": {\"a\": \"evil/kernel\"}} | is evil/kernel",
                "{\"model_type\": \"llama\", \"transformers_weights\": \"../x.bin\"} | in that folder: ../x.bin"
            })
    void shouldRefuseAConfigWhenItIsBad(String config, String message) throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", config);

        assertRefusedByAll(message);
    }

    @Test
    void shouldReadAConfigWhenItHasWhatOnlyPythonWrites() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.config("\"time_step_limit\": [0.0, Infinity, NaN]"));

        assertThat(ModelInspector.inspect(folder).problems()).isEmpty();
    }

    @Test
    void shouldRefuseAFolderWhenItLacksConfigWeightsOrTokenizer() throws IOException {
        Folders.hf(folder);
        Files.delete(folder.resolve("tokenizer.json"));
        assertRefusedByAll("has no tokenizer");

        Files.delete(folder.resolve("model.safetensors"));
        assertRefusedByAll("has no weights (*.safetensors)");

        Folders.write(folder, "pytorch_model.bin", "pickle");
        assertRefusedByAll("has its weights as pickles only (pytorch_model.bin), which can run code when read");
        assertThat(ModelInspector.inspect(folder, true).loadable()).isFalse();
        assertThat(ModelInspector.inspect(folder).problems().get(0).code()).isEqualTo("UNSAFE_MODEL");

        Files.delete(folder.resolve("config.json"));
        assertRefusedByAll("has no config.json");
    }

    @Test
    void shouldKnowTheNamesThatEachLibraryLooksForWhenWeightsHaveOthers() throws IOException {
        Folders.hf(folder);
        Files.move(folder.resolve("model.safetensors"), folder.resolve("weights.safetensors"));

        ModelInspection model = ModelInspector.inspect(folder);
        assertRefused(model, MLX, "mlx-lm reads model*.safetensors only");
        assertRefused(model, HF, "transformers reads model.safetensors, or the files that");
    }

    @Test
    void shouldTellWhoKnowsTheTypeWhenOneDoesNot() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.CONFIG.replace("llama", "olmo"));
        ModelInspection olmo = ModelInspector.inspect(folder);
        assertRefused(olmo, MLX, "mlx-lm 0.32.2 has no architecture olmo");
        assertThat(olmo.verdict(HF).loads()).isTrue();

        Folders.write(folder, "config.json", Folders.CONFIG.replace("llama", "no\\u001bsuch"));
        assertRefusedByAll("has no architecture no?such.");
    }

    @Test
    void shouldLeaveASequenceClassifierWithOneLabelToTransformers() throws IOException {
        Folders.hf(folder);
        String named = "\"architectures\": [\"OlmoForSequenceClassification\"], \"id2label\": ";
        Folders.write(folder, "config.json", Folders.config(named + "{\"0\": \"LABEL_0\"}"));
        ModelInspection one = ModelInspector.inspect(folder);
        assertRefused(one, MLX, "is a sequence classifier (OlmoForSequenceClassification), which mlx-lm can't run.");
        assertThat(one.verdict(HF).loads()).isTrue();
        assertThat(one.verdict(HF).reason()).isEqualTo("as a sequence classifier, which reranks documents");

        Folders.write(folder, "config.json", Folders.config(named + "{\"0\": \"NO\", \"1\": \"YES\"}"));
        ModelInspection two = ModelInspector.inspect(folder);
        assertRefused(two, HF, "(OlmoForSequenceClassification) with 2 labels. A reranker has one.");
        assertThat(two.verdict(MLX).loads()).isFalse();
    }

    @Test
    void shouldRefuseCodeWhenTheTypeIsNotNative() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.config("\"auto_map\": {\"AutoConfig\": \"x.Config\"}"));
        assertThat(ModelInspector.inspect(folder).problems()).isEmpty(); // llama is native

        Folders.write(
                folder,
                "config.json",
                Folders.config("\"auto_map\": {\"AutoConfig\": \"x.Config\"}").replace("llama", "nosuch"));
        assertRefusedByAll("has no architecture nosuch, and " + folder + " wants to run its own code (auto_map)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "llama | {\"auto_map\": {}} | true",
                "llama | {\"auto_map\": {\"AutoConfig\": \"x.Config\"}} | true",
                "llama | {\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", null]}} | false",
                "llama | {\"auto_map\": [\"x.Odd\", null]} | false",
                "llama | {\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", null]}, \"tokenizer_class\": \"Odd\"} | false",
                "llama | {\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", \"x.OddFast\"]}, \"tokenizer_class\": \"OddFast\"} | false",
                "llama | {\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", null]}, \"tokenizer_class\": \"LlamaTokenizer\"} | true",
                "qwen2 | {\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", null]}, \"tokenizer_class\": \"Odd\"} | true"
            })
    void shouldRefuseATokenizerWhenTransformersNeedsItsCode(String type, String tokenizer, boolean loads)
            throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.CONFIG.replace("llama", type));
        Folders.write(folder, "tokenizer_config.json", tokenizer);

        assertThat(ModelInspector.inspect(folder).problems().isEmpty()).isEqualTo(loads);
        if (!loads) {
            assertRefusedByAll("wants to run its own code (auto_map in tokenizer_config.json)");
        }
    }

    @Test
    void shouldRefuseATokenizersCodeWhenNoGenericOneCanStandIn() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.CONFIG.replace("llama", "qwen2"));
        Folders.write(folder, "tokenizer_config.json", "{\"auto_map\": {\"AutoTokenizer\": [\"x.Odd\", null]}}");
        Files.move(folder.resolve("tokenizer.json"), folder.resolve("tokenizer.model"));

        assertRefusedByAll("wants to run its own code (auto_map in tokenizer_config.json)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"vocab_size\": 9 | vocab_size × hidden_size is 9 × 4, but model.embed_tokens.weight is [8, 4]",
                "\"hidden_size\": 8 | vocab_size × hidden_size is 8 × 8",
                "\"num_hidden_layers\": 3 | it has 3 layers, but the weights have 2",
                "\"num_hidden_layers\": 1 | it has 1 layers, but the weights have 2"
            })
    void shouldRefuseAConfigWhenItIsNotThatOfTheWeights(String field, String message) throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "config.json", Folders.config(field));

        assertRefusedByAll(message);
    }

    @Test
    void shouldAllowLayersForGuessingAheadWhenTheConfigNamesThem() throws IOException {
        Folders.hf(folder);
        Folders.write(
                folder, "config.json", Folders.config("\"num_hidden_layers\": 1, \"num_nextn_predict_layers\": 1"));

        assertThat(ModelInspector.inspect(folder).problems()).isEmpty();
    }

    @Test
    void shouldSendGgufElsewhere() throws IOException {
        Folders.write(folder, "model.gguf", "GGUF");

        assertRefusedByAll("is llama.cpp's format (GGUF)");
        ModelInspection file = ModelInspector.inspect(folder.resolve("model.gguf"));
        assertThat(file.verdict(MLX).fix()).contains("Ollama");
    }

    @Test
    void shouldFindNothingWhenTheFolderIsEmptyOrNotThere() throws IOException {
        Files.createDirectory(folder);

        assertRefusedByAll("it is not a model folder");
        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> ModelInspector.inspect(folder.resolve("none")));
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "sets POSIX permissions")
    void shouldSayThatItCantBeReadWhenPermissionsForbidIt() throws IOException {
        Folders.hf(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("---------"));
        try {
            assumeFalse(Files.isReadable(folder), "root reads everything");
            assertThatExceptionOfType(ModelLoadException.class)
                    .isThrownBy(() -> ModelInspector.inspect(folder))
                    .withMessageContaining("can't be read");
        } finally {
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        }
    }

    @Test
    void shouldWriteNothingWhenItInspects() throws IOException {
        Folders.dyloraCheckpoint(folder);
        Folders.hf(temp.resolve("hf"));
        Map<Path, String> before = everything();

        ModelInspector.inspect(folder);
        ModelInspector.inspect(temp.resolve("hf"), true);

        assertThat(everything()).isEqualTo(before);
    }

    @Nested
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "makes links and pipes")
    class Entries {

        @Test
        void shouldAllowLinksWhenTheyStayInTheFolder() throws IOException {
            Folders.hf(folder);
            Files.move(folder.resolve("model.safetensors"), folder.resolve("weights"));
            Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("weights"));
            Files.createSymbolicLink(temp.resolve("link"), folder);

            assertThat(ModelInspector.inspect(temp.resolve("link")).problems()).isEmpty();
        }

        @ParameterizedTest
        @ValueSource(strings = {"config.json", "model.safetensors", "extra.json", "more/deeper.json"})
        void shouldRefuseLinksWhenTheyLeadOut(String name) throws IOException {
            Folders.hf(folder);
            Path outside = Files.writeString(temp.resolve("outside"), "secret");
            Files.createDirectories(folder.resolve(name).getParent());
            Files.deleteIfExists(folder.resolve(name));
            Files.createSymbolicLink(folder.resolve(name), outside);

            assertRefusedByAll(name + " in " + folder + " is a link to a place outside the model folder");
            assertThat(ModelInspector.inspect(folder).verdict(MLX).reason()).doesNotContain("secret");
        }

        @Test
        void shouldRefuseLinksWhenTheyLeadNowhere() throws IOException {
            Folders.hf(folder);
            Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
            assertRefusedByAll("loop in " + folder + " is a link that leads back to itself");

            Files.delete(folder.resolve("loop"));
            Files.createSymbolicLink(folder.resolve("gone.json"), Path.of("../../blobs/aa"));
            assertRefusedByAll("gone.json in " + folder + " is a link to a place outside the model folder");
        }

        @Test
        void shouldAllowALinkThatLeadsNowhereWhenNobodyReadsIt() throws IOException {
            Folders.hf(folder);
            Files.createSymbolicLink(folder.resolve("link"), Path.of("gone"));
            Files.createSymbolicLink(folder.resolve("README.md"), Path.of("link"));
            Files.createSymbolicLink(folder.resolve("more"), Path.of("nothing/../../" + folder.getFileName() + "/x"));

            assertThat(ModelInspector.inspect(folder).problems()).isEmpty();
        }

        @Test
        void shouldEndWhenLinksMultiply() throws IOException {
            Folders.hf(folder);
            Files.createSymbolicLink(folder.resolve("l0"), Path.of("."));
            for (int i = 1; i < 39; i++) {
                Files.createSymbolicLink(folder.resolve("l" + i), Path.of("l%1$d/l%1$d".formatted(i - 1)));
            }
            Files.createSymbolicLink(folder.resolve("l39"), Path.of("l38/gone"));

            assertRefusedByAll("or through too many others");
        }

        @ParameterizedTest
        @CsvSource({
            "config.json, config.json can't be read: it is a link that leads nowhere",
            "model.safetensors, model.safetensors is no whole safetensors file: it is a link that leads nowhere",
            "model.safetensors.index.json, it is a link that leads nowhere",
            "tokenizer.json, has no tokenizer"
        })
        void shouldRefuseALinkThatLeadsNowhereWhenItIsRead(String name, String message) throws IOException {
            Folders.hf(folder);
            Files.deleteIfExists(folder.resolve(name));
            Files.createSymbolicLink(folder.resolve(name), Path.of("gone"));

            assertRefusedByAll(message);
        }

        @Test
        void shouldAllowBlobsWhenItIsASnapshotOfTheHubsCache() throws IOException {
            Path repository = temp.resolve("hub").resolve("models--org--name");
            Path snapshot = repository.resolve("snapshots").resolve("0123abcd");
            Folders.hf(snapshot);
            Files.createDirectory(repository.resolve("blobs"));
            for (String name : List.of("config.json", "model.safetensors")) {
                Files.move(snapshot.resolve(name), repository.resolve("blobs").resolve(name));
                Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", name));
            }
            assertThat(ModelInspector.inspect(snapshot).problems()).isEmpty();

            Path renamed = Files.move(repository, temp.resolve("hub").resolve("model-org"));
            assertRefused(
                    ModelInspector.inspect(renamed.resolve("snapshots").resolve("0123abcd")),
                    MLX,
                    "is a link to a place");
            Files.move(renamed, repository);

            Files.writeString(repository.resolve("config.json"), "{}");
            Files.createSymbolicLink(snapshot.resolve("beside.json"), Path.of("../../config.json"));
            assertRefused(ModelInspector.inspect(snapshot), MLX, "beside.json in");
        }

        @Test
        void shouldNeverOpenAPipe() throws Exception {
            Folders.hf(folder);
            Files.delete(folder.resolve("config.json"));
            Process made =
                    new ProcessBuilder("mkfifo", folder.resolve("config.json").toString()).start();
            assumeFalse(made.waitFor() != 0, "mkfifo made no pipe");

            assertRefusedByAll("config.json in " + folder + " is neither a file nor a folder");
        }
    }

    @Nested
    class Adapters {

        @Test
        void shouldNameTheBaseWhenItIsOnTheHub() throws IOException {
            ModelInspection adapter = ModelInspector.inspect(Folders.peftAdapter(folder, "org/base"));

            assertThat(adapter.base())
                    .isEqualTo(new BaseModel("org/base", "adapter_config.json: base_model_name_or_path", null));
            assertThat(adapter.metadata())
                    .containsEntry("rank", 8)
                    .containsEntry("alpha", 16)
                    .containsEntry("targets", List.of("q_proj", "v_proj"));
            assertThat(adapter.problems()).isEmpty();
            assertThat(adapter.verdict(MLX).reason())
                    .isEqualTo("converted to mlx-lm's form as it is loaded; needs the base model org/base");
            assertThat(adapter.verdict(HF).reason()).isEqualTo("as PEFT loads it; needs the base model org/base");
        }

        @Test
        void shouldLookAtTheBaseWhenItIsAFolder() throws IOException {
            Path base = Folders.hf(temp.resolve("base"));
            ModelInspection adapter = ModelInspector.inspect(Folders.peftAdapter(folder, base.toString()));
            assertThat(adapter.base().inspection().format()).isEqualTo(ModelFormat.HF);
            assertThat(adapter.problems()).isEmpty();

            Folders.write(base, "config.json", Folders.CONFIG.replace("llama", "olmo"));
            adapter = ModelInspector.inspect(folder);
            assertRefused(adapter, MLX, "Its base model: mlx-lm 0.32.2 has no architecture olmo");
            assertThat(adapter.verdict(HF).loads()).isTrue();
        }

        @Test
        void shouldRefuseTransformersWhenMlxWroteIt() throws IOException {
            ModelInspection adapter = ModelInspector.inspect(Folders.mlxAdapter(folder, "org/base"));

            assertThat(adapter.metadata()).containsEntry("rank", 4).containsEntry("scale", 20.0);
            assertThat(adapter.base().foundIn()).isEqualTo("adapter_config.json: model");
            assertThat(adapter.verdict(MLX).loads()).isTrue();
            assertRefused(adapter, HF, "an adapter as mlx-lm writes it, which transformers can't read");
        }

        @ParameterizedTest
        @ValueSource(strings = {"./nowhere", "/nosuch/base", "a/b/c", "../base", "nowhere", "no\\u0000where"})
        void shouldRefuseWhenTheBaseIsNotThere(String base) throws IOException {
            Folders.peftAdapter(folder, base);

            assertRefusedByAll("and there is no such folder");
        }

        @Test
        void shouldRefuseWhenTheBaseIsNeitherBesideItNorOnTheHub() throws IOException {
            Folders.peftAdapter(folder, "gpt2");
            assertRefusedByAll("names the base model gpt2 (adapter_config.json: base_model_name_or_path)");
            assertThat(ModelInspector.inspect(folder).verdict(HF).fix()).contains("name it in MLX4J_BASE_MODEL");

            Folders.peftAdapter(folder, "src/main"); // a folder of the working directory, which is not the worker's
            assertThat(ModelInspector.inspect(folder).base().inspection()).isNull();
            assertThat(ModelInspector.inspect(folder).problems()).isEmpty();
        }

        @Test
        void shouldFindTheBaseWhenItIsBesideTheAdapter() throws IOException {
            Folders.hf(temp.resolve("base"));

            Folders.peftAdapter(folder, "../base");
            assertThat(ModelInspector.inspect(folder).base().inspection().format())
                    .isEqualTo(ModelFormat.HF);
        }

        @Test
        void shouldRefuseWhenNoBaseIsNamed() throws IOException {
            Folders.peftAdapter(folder, "");

            assertRefusedByAll("names no base model (base_model_name_or_path in adapter_config.json)");
        }

        @Test
        void shouldRefuseWhenBasesLeadInACircle() throws IOException {
            Folders.peftAdapter(folder, folder.toString());
            assertRefusedByAll("which leads back to it");

            Path other = Folders.peftAdapter(temp.resolve("other"), folder.toString());
            Folders.peftAdapter(folder, other.toString());
            assertRefusedByAll("which leads back to it");
        }

        @Test
        void shouldEndWhenAdaptersAreBasesOfAdaptersForLong() throws IOException {
            for (int i = 0; i < 30; i++) {
                Folders.peftAdapter(
                        temp.resolve("a" + i), temp.resolve("a" + (i + 1)).toString());
            }

            assertThat(ModelInspector.inspect(temp.resolve("a0")).problems())
                    .extracting(Problem::what)
                    .anyMatch(what -> what.contains("which stands on too many others"));
        }

        @Test
        void shouldRefuseWhenTheBaseIsNoModel() throws IOException {
            Path other = Folders.mlxAdapter(temp.resolve("other"), "org/base");
            Folders.mlxAdapter(folder, other.toString());

            assertThat(ModelInspector.inspect(folder).problems())
                    .extracting(Problem::what)
                    .anyMatch(what -> what.contains("which is no model of its own but: MLX adapter"));
        }

        @Test
        void shouldRefuseAnAdapterWhenItIsDamaged() throws IOException {
            Folders.peftAdapter(folder, "org/base");
            Files.write(folder.resolve("adapter_model.safetensors"), new byte[0]);
            assertRefusedByAll("it is empty");

            Files.delete(folder.resolve("adapter_model.safetensors"));
            assertRefusedByAll("has no adapter_model.safetensors");

            Folders.write(folder, "adapter_model.bin", "pickle");
            assertRefusedByAll("has its weights as a pickle only (adapter_model.bin)");

            Folders.write(folder, "adapter_config.json", "{");
            assertRefusedByAll("adapter_config.json can't be read");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "\"IA3\" | is an adapter of the kind IA3, and the workers take LoRA only",
                    "\"LOHA\" | is an adapter of the kind LOHA",
                    "\"LORA\", \"alora_invocation_tokens\": [1, 2] | is a LoRA with alora_invocation_tokens"
                })
        void shouldRefuseAnAdapterWhenItIsNoPlainLora(String type, String message) throws IOException {
            String config = "{\"peft_type\": %s, \"base_model_name_or_path\": \"org/base\"}".formatted(type);
            Folders.peftAdapter(folder, "org/base");
            Folders.write(folder, "adapter_config.json", config);
            assertRefusedByAll(message);

            Folders.dyloraCheckpoint(temp.resolve("d"));
            Folders.write(temp.resolve("d"), "peft_adapters/expert_1/adapter_config.json", config);
            assertRefused(
                    ModelInspector.inspect(temp.resolve("d")),
                    HF,
                    "peft_adapters/expert_1/ in " + temp.resolve("d") + " " + message);
        }

        @Test
        void shouldRefuseTransformersWhenTheLoraIsOfMegatron() throws IOException {
            Folders.peftAdapter(folder, "org/base");
            Folders.write(
                    folder,
                    "adapter_config.json",
                    "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"org/base\","
                            + " \"megatron_config\": {\"a\": 1}, \"alora_invocation_tokens\": []}");

            ModelInspection adapter = ModelInspector.inspect(folder);
            assertRefused(adapter, HF, "is a LoRA with megatron_config");
            assertThat(adapter.verdict(MLX).loads()).isTrue();
        }
    }

    @Nested
    class Dylora {

        @Test
        void shouldLoadTheWholeModelWhenItsRouterIsAmongTheWeights() throws IOException {
            ModelInspection model = ModelInspector.inspect(Folders.dyloraWrapped(folder));

            assertThat(model.base().name()).isEqualTo("org/base");
            assertThat(model.metadata())
                    .containsEntry("experts", 2)
                    .containsEntry("rank", 16)
                    .containsEntry("alpha", 32)
                    .containsEntry("savedAt", "2025-10-20 09:00:00");
            assertThat(model.problems()).isEmpty();
            assertThat(model.verdict(MLX).reason())
                    .isEqualTo("one expert, which has to be named; needs the base model org/base");
            assertThat(model.verdict(HF).reason()).startsWith("with its experts, and its router to choose one");
        }

        @Test
        void shouldRefuseAPickledRouterWhenPicklesAreNotAllowed() throws IOException {
            Folders.dyloraWrapped(folder);
            Safetensors.llama(2, "foundation_model.base_model.model.").write(folder.resolve("model.safetensors"));
            ModelInspection without = ModelInspector.inspect(folder);
            assertRefused(without, HF, "has no router");
            assertThat(without.verdict(MLX).loads()).isTrue();

            Folders.write(temp, "dylo_moe_state/router.pt", "pickle");
            assertRefused(ModelInspector.inspect(folder), HF, "has its router as a pickle (router.pt)");
            assertThat(ModelInspector.inspect(folder, true).verdict(HF).loads()).isTrue();
        }

        @Test
        void shouldLoadTheWholeModelWhenTheConfigIsTheBases() throws IOException {
            ModelInspection model = ModelInspector.inspect(Folders.dyloraBaseConfig(folder));

            assertThat(model.modelType()).isEqualTo("llama");
            assertThat(model.metadata()).containsEntry("experts", 2).containsEntry("_dylora_trained", true);
            assertThat(model.problems()).isEmpty();
        }

        @Test
        void shouldRefusePickledExpertsWhenPicklesAreNotAllowed() throws IOException {
            Folders.dyloraSeparated(folder);
            assertRefusedByAll("has its experts as pickles (peft_adapters/expert_*.pt)");

            ModelInspection allowed = ModelInspector.inspect(folder, true);
            assertThat(allowed.verdict(HF).loads()).isTrue();
            assertRefused(allowed, MLX, "which only the hf worker can read");
        }

        @Test
        void shouldLoadACheckpointWhenItsExpertsAreSafetensors() throws IOException {
            ModelInspection model = ModelInspector.inspect(Folders.dyloraCheckpoint(folder));

            assertThat(model.problems()).isEmpty();
            assertThat(model.tensors()).isEqualTo(3);
            assertThat(model.metadata()).containsEntry("experts", 2).containsEntry("_dylora_checkpoint_step", 40);
        }

        @Test
        void shouldRefuseACheckpointWhenSomethingIsMissing() throws IOException {
            Folders.dyloraCheckpoint(folder);
            Files.delete(folder.resolve("router.safetensors"));
            ModelInspection model = ModelInspector.inspect(folder);
            assertRefused(model, HF, "has no router (router.safetensors)");
            assertThat(model.verdict(MLX).loads()).isTrue();

            Files.delete(folder.resolve("peft_adapters/expert_1/adapter_model.safetensors"));
            assertRefusedByAll("has no peft_adapters/expert_1/adapter_model.safetensors");

            Files.delete(folder.resolve("peft_adapters/expert_1/adapter_config.json"));
            Files.delete(folder.resolve("peft_adapters/expert_1"));
            assertRefusedByAll("has 1 experts in peft_adapters, but its config.json names 2");
        }

        @Test
        void shouldFindTheBaseInTheExpertsWhenTheConfigNamesNone() throws IOException {
            Folders.dyloraCheckpoint(folder);
            Folders.write(
                    folder, "config.json", "{\"model_type\": \"dylora-moe\", \"checkpoint_type\": \"peft_only\"}");

            assertThat(ModelInspector.inspect(folder).base().foundIn())
                    .isEqualTo("adapter_config.json of the experts: base_model_name_or_path");
        }

        @Test
        void shouldTakeItForAPlainModelWhenOnlyTheStateIsThere() throws IOException {
            Folders.hf(folder);
            Folders.write(temp, "dylo_moe_state/router.pt", "pickle");

            ModelInspection model = ModelInspector.inspect(folder);
            assertThat(model.format()).isEqualTo(ModelFormat.HF);
            assertThat(model.problems()).isEmpty();
        }

        @Test
        void shouldRefuseWrappedWeightsWhenNothingElseSaysWhatTheyAre() throws IOException {
            Folders.model(folder, Folders.CONFIG, Safetensors.llama(2, "foundation_model."));

            assertRefusedByAll("are those of a DyLoRA-MoE (foundation_model.…), but nothing else says");
        }
    }

    private void shards() throws IOException {
        Folders.hf(folder);
        Files.delete(folder.resolve("model.safetensors"));
        new Safetensors()
                .tensor("model.embed_tokens.weight", "BF16", 8, 4)
                .write(folder.resolve("model-00001-of-00002.safetensors"));
        Safetensors second = new Safetensors();
        for (int layer = 0; layer < 2; layer++) {
            for (String part : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                second.tensor("model.layers.%d.self_attn.%s.weight".formatted(layer, part), "BF16", 4, 4);
            }
        }
        second.tensor("model.norm.weight", "BF16", 4).write(folder.resolve("model-00002-of-00002.safetensors"));
        index("{\"model.embed_tokens.weight\": \"model-00001-of-00002.safetensors\","
                + " \"model.norm.weight\": \"model-00002-of-00002.safetensors\"}");
    }

    private void index(String weightMap) throws IOException {
        Folders.write(folder, "model.safetensors.index.json", "{\"weight_map\": %s}".formatted(weightMap));
    }

    private void assertRefusedByAll(String message) {
        ModelInspection model = ModelInspector.inspect(folder);
        assertThat(model.loadable()).isFalse();
        for (ProviderKind worker : List.of(MLX, HF)) {
            assertThat(model.verdict(worker).loads()).isFalse();
        }
        assertThat(model.problems()).extracting(Problem::what).anyMatch(what -> what.contains(message));
        assertThat(model.problems()).extracting(Problem::fix).allMatch(fix -> !fix.isBlank());
    }

    private static void assertRefused(ModelInspection model, ProviderKind worker, String message) {
        assertThat(model.verdict(worker).loads()).isFalse();
        assertThat(model.verdict(worker).reason()).contains(message);
        assertThat(model.verdict(worker).fix()).isNotBlank();
    }

    private Map<Path, String> everything() throws IOException {
        Map<Path, String> entries = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(temp)) {
            walk.forEach(path -> {
                try {
                    entries.put(
                            path, Files.getLastModifiedTime(path, LinkOption.NOFOLLOW_LINKS) + " " + Files.size(path));
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            });
        }
        return entries;
    }
}
