package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes small safetensors files, valid and invalid ones; all values are zero. */
public final class Safetensors {

    private static final Map<String, Integer> BYTES =
            Map.of("F32", 4, "F16", 2, "BF16", 2, "U32", 4, "U8", 1, "I64", 8);

    private final Map<String, Object> header = new LinkedHashMap<>();
    private long end;

    /** Adds a tensor. */
    public Safetensors tensor(String name, String dtype, long... shape) {
        long begin = end;
        end += BYTES.get(dtype) * Arrays.stream(shape).reduce(1, (one, other) -> one * other);
        header.put(name, Map.of("dtype", dtype, "shape", shape, "data_offsets", new long[] {begin, end}));
        return this;
    }

    /** Adds a text to the metadata. */
    public Safetensors format(String format) {
        header.put("__metadata__", Map.of("format", format));
        return this;
    }

    /** The whole file. */
    public byte[] bytes() throws IOException {
        return bytes(new JsonMapper().writeValueAsString(header), (int) end);
    }

    /** A file of any header and so many bytes of data. */
    public static byte[] bytes(String header, int data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .array());
        bytes.writeBytes(json);
        bytes.writeBytes(new byte[data]);
        return bytes.toByteArray();
    }

    /** Writes the whole file, and the folders above it. */
    public Path write(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.write(file, bytes());
    }

    /** The weights of a llama: vocabulary 8, hidden size 4, two heads, so many layers, tied embeddings. */
    public static Safetensors llama(int layers) {
        return llama(layers, "");
    }

    /** The same, with something before each name. */
    public static Safetensors llama(int layers, String prefix) {
        Safetensors weights = new Safetensors().tensor(prefix + "model.embed_tokens.weight", "BF16", 8, 4);
        for (int layer = 0; layer < layers; layer++) {
            for (String part : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                weights.tensor(prefix + "model.layers.%d.self_attn.%s.weight".formatted(layer, part), "BF16", 4, 4);
            }
        }
        return weights.tensor(prefix + "model.norm.weight", "BF16", 4);
    }
}
