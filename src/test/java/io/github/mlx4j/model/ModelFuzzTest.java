package io.github.mlx4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.model.registry.TrainingKind;
import io.github.mlx4j.model.registry.TrainingNeed;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.jspecify.annotations.Nullable;

/** Tests that an inspection of a folder with modified bytes returns a result or throws an {@code Mlx4jException}. */
class ModelFuzzTest {

    private static final List<String> WORDS = List.of(
            "null",
            "{}",
            "[]",
            "-1",
            "0",
            "1e999",
            "NaN",
            "2147483647",
            "9223372036854775807",
            "\"\"",
            "\\u0000",
            "\\ud800",
            "/",
            "true",
            ",",
            ":",
            "\"quantization\": {}",
            "\"model_file\"",
            "\"text_config\": {",
            "\"weight_map\"");

    private static @Nullable Path root;

    @BeforeContainer
    static void makeFolders() throws IOException {
        root = Files.createTempDirectory("fuzz");
        Folders.hf(root.resolve("hf"));
        Folders.write(
                root.resolve("hf"),
                "model.safetensors.index.json",
                "{\"weight_map\": {\"model.norm.weight\": \"model.safetensors\"}}");
        Folders.write(root.resolve("hf"), "tokenizer_config.json", "{\"chat_template\": \"{{ messages }}\"}");
        Folders.mlxQuantized(root.resolve("quantized"));
        Folders.peftAdapter(root.resolve("peft"), root.resolve("hf").toString());
        Folders.mlxAdapter(root.resolve("adapter"), root.resolve("hf").toString());
        Folders.dyloraCheckpoint(root.resolve("checkpoint"));
        Folders.dyloraWrapped(root.resolve("wrapped"));
    }

    @AfterContainer
    static void removeFolders() throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Property
    void shouldEndWellHoweverAFileWasDamaged(@ForAll("files") String file, @ForAll("damages") List<Damage> damages)
            throws IOException {
        Path path = root.resolve(file);
        byte[] whole = Files.readAllBytes(path);
        byte[] bytes = whole;
        for (Damage damage : damages) {
            bytes = damage.to(bytes);
        }
        try {
            Files.write(path, bytes);
            inspect(root.resolve(file.substring(0, file.indexOf('/'))));
        } finally {
            Files.write(path, whole);
        }
    }

    @Property
    void shouldEndWellWhateverAHeaderHas(@ForAll byte[] header) throws IOException {
        Path path = root.resolve("hf/model.safetensors");
        byte[] whole = Files.readAllBytes(path);
        try {
            Files.write(path, Safetensors.bytes(new String(header, StandardCharsets.ISO_8859_1), header.length));
            inspect(root.resolve("hf"));
        } finally {
            Files.write(path, whole);
        }
    }

    private static void inspect(Path folder) {
        try {
            ModelInspection model = ModelInspector.inspect(folder);
            assertThat(model.problems()).allMatch(problem -> !problem.fix().isEmpty());
            assertThat(MemoryEstimate.inference(model, 4096, 2).bytes()).isNotNegative();
            assertThat(MemoryEstimate.training(model, TrainingNeed.withAdam(TrainingKind.FULL, 1, 2, 512))
                            .bytes())
                    .isNotNegative();
        } catch (Mlx4jException documented) {
            assertThat(documented.hint()).isNotBlank();
        }
    }

    @Provide
    static Arbitrary<String> files() {
        return Arbitraries.of(
                "hf/config.json",
                "hf/model.safetensors",
                "hf/model.safetensors.index.json",
                "hf/tokenizer_config.json",
                "quantized/config.json",
                "quantized/model.safetensors",
                "peft/adapter_config.json",
                "peft/adapter_model.safetensors",
                "adapter/adapter_config.json",
                "checkpoint/config.json",
                "checkpoint/router.safetensors",
                "checkpoint/peft_adapters/expert_1/adapter_config.json",
                "wrapped/config.json",
                "wrapped/model.safetensors");
    }

    @Provide
    static Arbitrary<List<Damage>> damages() {
        Arbitrary<byte[]> bytes = Arbitraries.bytes().array(byte[].class).ofMaxSize(8);
        Arbitrary<byte[]> words = Arbitraries.of(WORDS).map(word -> word.getBytes(StandardCharsets.UTF_8));
        return Combinators.combine(
                        Arbitraries.integers().between(0, 1_000_000),
                        Arbitraries.integers().between(0, 20),
                        Arbitraries.oneOf(bytes, words))
                .as(Damage::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(4);
    }

    /** Replaces a range of bytes by others; its position is in millionths of the length. */
    record Damage(int from, int length, byte[] with) {

        byte[] to(byte[] file) {
            int start = (int) ((long) file.length * from / 1_000_000);
            int end = Math.min(file.length, start + length);
            byte[] result = new byte[start + with.length + file.length - end];
            System.arraycopy(file, 0, result, 0, start);
            System.arraycopy(with, 0, result, start, with.length);
            System.arraycopy(file, end, result, start + with.length, file.length - end);
            return result;
        }
    }
}
