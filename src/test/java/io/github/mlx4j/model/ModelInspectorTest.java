package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.AppleDoubleFiles;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.files.FileTree;
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

        AppleDoubleFiles.scatter(folder);

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
    }

    @Test
    void shouldCountUnpackedParametersWhenMlxQuantizedThem() throws IOException {
        ModelInspection model = ModelInspector.inspect(Folders.mlxQuantized(folder));

        assertThat(model.format()).isEqualTo(ModelFormat.MLX_QUANTIZED);
        assertThat(model.quantization()).isEqualTo(new Quantization("mlx", 4, 4, "affine"));
        assertThat(model.parameters()).isEqualTo(8 * 8 + 8 * 8 + 8 + 8); // the second matrix has 8 bits
        assertThat(model.dtypes().keySet()).containsExactly("F16", "U32");
    }

    @Test
    void shouldKnowHowTransformersQuantizedIt() throws IOException {
        Folders.hf(folder);
        Folders.write(
                folder,
                "config.json",
                Folders.config("\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4}"));
        ModelInspection gptq = ModelInspector.inspect(folder);
        assertThat(gptq.quantization()).isEqualTo(new Quantization("gptq", 4, null, null));
        assertThat(gptq.parameters()).isNull();
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
        assertProblemIn("model.fp16.safetensors is not a complete safetensors file: it is empty");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"a\": \"../model.safetensors\"} | names weights that are not *.safetensors files in that folder: ../model",
                "{\"a\": \"pytorch_model.bin\"} | names weights that are not *.safetensors files in that folder: pytorch",
                "{\"a\": 7} | names weights that are not *.safetensors files in that folder: 7",
                "[] | has no weight_map"
            })
    void shouldRefuseAnIndexWhenItCouldLeadAnywhere(String weightMap, String message) throws IOException {
        Folders.hf(folder);
        index(weightMap);

        assertProblemIn(message);
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

        assertProblemIn("has more than 500,000 tensors");
    }

    @Test
    void shouldNotReadAFileOfTheAuthorThatIsTooLong() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "generation_config.json", "{}" + " ".repeat(1 << 20));

        assertThat(ModelFolder.open(folder).json("generation_config.json").isMissingNode())
                .isTrue();
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> ModelFolder.open(folder).readJson("generation_config.json"))
                .withMessageContaining("it is too long: the limit is 1,048,576 bytes");
    }

    @Test
    void shouldRefuseAnIndexWhenItCantBeRead() throws IOException {
        Folders.hf(folder);
        Folders.write(folder, "model.safetensors.index.json", "{");

        assertProblemIn("model.safetensors.index.json can't be read");
    }

    @Test
    void shouldRefuseWeightsWhenTheyAreDamaged() throws IOException {
        Folders.hf(folder);
        byte[] whole = Files.readAllBytes(folder.resolve("model.safetensors"));
        Files.write(folder.resolve("model.safetensors"), Arrays.copyOf(whole, whole.length - 1));
        assertProblemIn("it is truncated");

        Files.write(folder.resolve("model.safetensors"), new byte[0]);
        assertProblemIn("model.safetensors is not a complete safetensors file: it is empty");
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

        assertProblemIn(message);
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
        assertThat(ModelInspector.inspect(folder).tokenizer()).isFalse();

        Files.delete(folder.resolve("model.safetensors"));
        assertProblemIn("has no weights (*.safetensors)");

        Folders.write(folder, "pytorch_model.bin", "pickle");
        assertProblemIn("has only pickled weights (pytorch_model.bin), which can run code when read");
        assertThat(ModelInspector.inspect(folder, true).problems()).isNotEmpty();
        assertThat(ModelInspector.inspect(folder).problems().get(0).code()).isEqualTo("UNSAFE_MODEL");

        Files.delete(folder.resolve("config.json"));
        assertProblemIn("has no config.json");
    }

    @Test
    void shouldSendGgufElsewhere() throws IOException {
        Folders.write(folder, "model.gguf", "GGUF");

        assertProblemIn("is llama.cpp's format (GGUF)");
        ModelInspection file = ModelInspector.inspect(folder.resolve("model.gguf"));
        assertThat(file.problems()).extracting(Problem::fix).allMatch(fix -> fix.contains("Ollama"));
    }

    @Test
    void shouldFindNothingWhenTheFolderIsEmptyOrNotThere() throws IOException {
        Files.createDirectory(folder);

        assertProblemIn("it is not a model folder");
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

            assertProblemIn(name + " in " + folder + " is a link to a location outside the model folder");
            assertThat(ModelInspector.inspect(folder).problems().toString()).doesNotContain("secret");
        }

        @Test
        void shouldRefuseLinksWhenTheyLeadNowhere() throws IOException {
            Folders.hf(folder);
            Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
            assertProblemIn("loop in " + folder + " is a link that leads back to itself");

            Files.delete(folder.resolve("loop"));
            Files.createSymbolicLink(folder.resolve("gone.json"), Path.of("../../blobs/aa"));
            assertProblemIn("gone.json in " + folder + " is a link to a location outside the model folder");
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

            assertProblemIn("or through too many others");
        }

        @ParameterizedTest
        @CsvSource({
            "config.json, config.json can't be read: it is a broken link",
            "model.safetensors, model.safetensors is not a complete safetensors file: it is a broken link",
            "model.safetensors.index.json, it is a broken link"
        })
        void shouldRefuseALinkThatLeadsNowhereWhenItIsRead(String name, String message) throws IOException {
            Folders.hf(folder);
            Files.deleteIfExists(folder.resolve(name));
            Files.createSymbolicLink(folder.resolve(name), Path.of("gone"));

            assertProblemIn(message);
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
            assertProblem(
                    ModelInspector.inspect(renamed.resolve("snapshots").resolve("0123abcd")),
                    "is a link to a location");
            Files.move(renamed, repository);

            Files.writeString(repository.resolve("config.json"), "{}");
            Files.createSymbolicLink(snapshot.resolve("beside.json"), Path.of("../../config.json"));
            assertProblem(ModelInspector.inspect(snapshot), "beside.json in");
        }

        @Test
        void shouldNeverOpenAPipe() throws Exception {
            Folders.hf(folder);
            Files.delete(folder.resolve("config.json"));
            Process made =
                    new ProcessBuilder("mkfifo", folder.resolve("config.json").toString()).start();
            assumeFalse(made.waitFor() != 0, "mkfifo made no pipe");

            assertProblemIn("config.json in " + folder + " is neither a file nor a folder");
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
        }

        @Test
        void shouldLookAtTheBaseWhenItIsAFolder() throws IOException {
            Path base = Folders.hf(temp.resolve("base"));
            ModelInspection adapter = ModelInspector.inspect(Folders.peftAdapter(folder, base.toString()));
            assertThat(adapter.base().inspection().format()).isEqualTo(ModelFormat.HF);
            assertThat(adapter.problems()).isEmpty();

            Folders.write(base, "config.json", "{");
            assertProblem(ModelInspector.inspect(folder), "Its base model: ");
        }

        @Test
        void shouldReadAnAdapterWhenMlxWroteIt() throws IOException {
            ModelInspection adapter = ModelInspector.inspect(Folders.mlxAdapter(folder, "org/base"));

            assertThat(adapter.metadata()).containsEntry("rank", 4).containsEntry("scale", 20.0);
            assertThat(adapter.base().foundIn()).isEqualTo("adapter_config.json: model");
            assertThat(adapter.problems()).isEmpty();
        }

        @ParameterizedTest
        @ValueSource(strings = {"./nowhere", "/nosuch/base", "a/b/c", "../base", "nowhere", "no\\u0000where"})
        void shouldRefuseWhenTheBaseIsNotThere(String base) throws IOException {
            Folders.peftAdapter(folder, base);

            assertProblemIn("and there is no such folder");
        }

        @Test
        void shouldRefuseWhenTheBaseIsNeitherBesideItNorOnTheHub() throws IOException {
            Folders.peftAdapter(folder, "gpt2");
            assertProblemIn("names the base model gpt2 (adapter_config.json: base_model_name_or_path)");
            assertThat(ModelInspector.inspect(folder).problems().toString()).contains("name it in MLX4J_BASE_MODEL");

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

            assertProblemIn("names no base model (base_model_name_or_path in adapter_config.json)");
        }

        @Test
        void shouldRefuseWhenBasesLeadInACircle() throws IOException {
            Folders.peftAdapter(folder, folder.toString());
            assertProblemIn("which leads back to it");

            Path other = Folders.peftAdapter(temp.resolve("other"), folder.toString());
            Folders.peftAdapter(folder, other.toString());
            assertProblemIn("which leads back to it");
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
            assertProblemIn("it is empty");

            Files.delete(folder.resolve("adapter_model.safetensors"));
            assertProblemIn("has no adapter_model.safetensors");

            Folders.write(folder, "adapter_model.bin", "pickle");
            assertProblemIn("has its weights as a pickle only (adapter_model.bin)");
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
        }

        @Test
        void shouldRefuseAPickledRouterWhenPicklesAreNotAllowed() throws IOException {
            Folders.dyloraWrapped(folder);
            Safetensors.llama(2, "foundation_model.base_model.model.").write(folder.resolve("model.safetensors"));
            assertThat(ModelInspector.inspect(folder).problems()).isEmpty();

            Folders.write(temp, "dylo_moe_state/router.pt", "pickle");
            assertProblemIn("has its router as a pickle (router.pt)");
            assertThat(ModelInspector.inspect(folder, true).problems()).isEmpty();
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
            assertProblemIn("has its experts as pickles (peft_adapters/expert_*.pt)");

            assertThat(ModelInspector.inspect(folder, true).problems()).isEmpty();
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
            Files.write(folder.resolve("router.safetensors"), new byte[0]);
            assertProblemIn("router.safetensors is not a complete safetensors file: it is empty");

            Files.delete(folder.resolve("peft_adapters/expert_1/adapter_model.safetensors"));
            assertProblemIn("has no peft_adapters/expert_1/adapter_model.safetensors");
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

    private void assertProblemIn(String message) {
        assertProblem(ModelInspector.inspect(folder), message);
    }

    private static void assertProblem(ModelInspection model, String message) {
        assertThat(model.problems()).extracting(Problem::what).anyMatch(what -> what.contains(message));
        assertThat(model.problems()).extracting(Problem::fix).allMatch(fix -> !fix.isBlank());
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
