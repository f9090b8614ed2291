package io.github.mlx4j.internal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.model.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsHeaderTest {

    private static final Path REAL = Path.of("src", "test", "resources", "models", "tiny-chat", "model.safetensors");

    @TempDir
    private Path folder;

    @Test
    void shouldReadTensorsAndMetadataWhenTheFileIsWhole() throws IOException {
        SafetensorsHeader header = SafetensorsHeader.read(new Safetensors()
                .format("mlx")
                .tensor("größe", "F32", 2, 3)
                .tensor("scalar", "I64")
                .tensor("nothing", "BF16", 0, 7)
                .write(folder.resolve("ein Modell ü.safetensors")));

        assertThat(header.metadata()).isEqualTo(Map.of("format", "mlx"));
        assertThat(header.tensors())
                .containsExactly(
                        new SafetensorsHeader.Tensor("größe", "F32", List.of(2L, 3L), 0, 24),
                        new SafetensorsHeader.Tensor("scalar", "I64", List.of(), 24, 32),
                        new SafetensorsHeader.Tensor("nothing", "BF16", List.of(0L, 7L), 32, 32));
        assertThat(header.bytes()).isEqualTo(32);
        assertThat(header.tensors().get(0).elements()).isEqualTo(6);
        assertThat(header.tensors().get(1).elements()).isOne();
    }

    @Test
    void shouldReadWhatTransformersWrote() throws IOException {
        SafetensorsHeader header = SafetensorsHeader.read(REAL);

        assertThat(header.metadata()).isEqualTo(Map.of("format", "pt"));
        assertThat(header.tensors())
                .hasSize(38)
                .allMatch(tensor -> tensor.dtype().equals("F32"));
        assertThat(Files.size(REAL) - header.bytes()).isBetween(8L, 10_000L);
    }

    @Test
    void shouldTakeAHeaderWithoutTensorsAndWithPadding() throws IOException {
        assertThat(read(Safetensors.bytes("{}     ", 0)).tensors()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[] | its header is not a JSON object",
                "{} {} | its header has data after the end of its JSON",
                "{\"a\": 7} | its header can't be read",
                "{\"a\": null} | not have two data_offsets for a",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [2]}} | its header can't be read",
                "{\"a\": {\"dtype\": null, \"shape\": [2], \"data_offsets\": [0, 2]}} | its header can't be read",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [\"2\"], \"data_offsets\": [0, 2]}} | its header can't be read",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [2.0], \"data_offsets\": [0, 2]}} | its header can't be read",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0]}} | not have two data_offsets for a",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 3]}} | has 3 bytes, which don't match",
                "{\"a\": {\"dtype\": \"X9\", \"shape\": [2], \"data_offsets\": [0, 2]}} | a has the unknown type X9",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [-1, -2], \"data_offsets\": [0, 2]}} | which don't match",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 2]}} | don't match",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [1, 2]}} | a overlap others or leave a gap",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]},"
                        + " \"b\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [1, 3]}} | b overlap others",
                "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]},"
                        + " \"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [1, 2]}} | Duplicate field 'a'",
                "{\"__metadata__\": {\"a\": null}} | null instead of a string",
                "{\"a\": | its header can't be read"
            })
    void shouldSayWhatIsWrongWhenTheHeaderIs(String header, String message) {

        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> read(Safetensors.bytes(header, 2)))
                .withMessageStartingWith(folder.resolve("file.safetensors") + " is not a complete safetensors file: ")
                .withMessageContaining(message)
                .withMessageContaining("What to do: Download or copy the file again.");
    }

    @Test
    void shouldTakeNullForNoMetadataAsMlxWritesIt() throws IOException {
        assertThat(read(Safetensors.bytes("{\"__metadata__\": null}", 0)).metadata())
                .isEmpty();
    }

    @Test
    void shouldSayThatItIsTruncatedWhenDataIsMissing() throws IOException {
        byte[] whole = Safetensors.llama(1).bytes();

        assertDamaged(Arrays.copyOf(whole, whole.length - 1), "it is truncated: 199 bytes of data instead of 200");
        assertDamaged(Arrays.copyOf(whole, whole.length + 1), "more data than its header describes");
        assertDamaged(Arrays.copyOf(whole, 50), "it ends within its header, after 50 bytes");
        assertDamaged(Arrays.copyOf(whole, 5), "its first 8 bytes don't give the length of a header");
        assertDamaged(new byte[0], "it is empty");
    }

    @Test
    void shouldNotReadAHeaderWhenItsLengthIsAbsurd() {
        assertDamaged(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1}, "don't give the length of a header");
        assertDamaged(new byte[] {-1, -1, -1, -1, -1, -1, -1, 127}, "but the limit is 16777216");
        assertDamaged(new byte[] {1, 0, 0, 1, 0, 0, 0, 0}, "its header would take 16777217 bytes");
    }

    @Test
    void shouldNotOpenItWhenItIsNoFile() {
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> SafetensorsHeader.read(folder))
                .withMessageContaining("it is not a file");
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> SafetensorsHeader.read(folder.resolve("none")))
                .withMessageContaining("it is not a file");
    }

    @Test
    void shouldShowNoControlCharactersWhenANameHasThem() {
        assertDamaged(
                Safetensors.bytes(
                        "{\"\\u001b[2Ja\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [1, 2]}}", 2),
                "tensor ?[2Ja overlap");
    }

    private void assertDamaged(byte[] content, String message) {
        assertThatExceptionOfType(ModelLoadException.class)
                .isThrownBy(() -> read(content))
                .withMessageContaining(message);
    }

    private SafetensorsHeader read(byte[] content) throws IOException {
        return SafetensorsHeader.read(Files.write(folder.resolve("file.safetensors"), content));
    }
}
