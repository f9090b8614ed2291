package io.github.mlx4j.internal.model;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.MapType;
import io.github.mlx4j.error.ModelLoadException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The header of a {@code *.safetensors} file: its tensors, without their values. Only the header is read.
 *
 * @param tensors in the order of their bytes
 * @param metadata the file's {@code __metadata__}, a map of strings; for example, {@code format} is {@code pt} in files
 *     of transformers and {@code mlx} in those of MLX
 */
public record SafetensorsHeader(List<Tensor> tensors, Map<String, String> metadata) {

    /** The maximum size of a header, in bytes: about 150,000 tensors. */
    public static final long MAX_HEADER_BYTES = 16 << 20;

    private static final String HINT = "Download or copy the file again.";
    private static final Map<String, Integer> BITS = bits();
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();
    private static final MapType TEXTS =
            JSON.getTypeFactory().constructMapType(TreeMap.class, String.class, String.class);

    /** Makes immutable copies. */
    public SafetensorsHeader {
        tensors = List.copyOf(tensors);
        metadata = Map.copyOf(metadata);
    }

    /**
     * A tensor.
     *
     * @param name its name
     * @param dtype as the format writes it: {@code F32}, {@code BF16}, {@code U32} …
     * @param shape its dimensions, outermost first
     * @param begin the offset of its first byte, counted from the end of the header
     * @param end the offset after its last byte
     */
    public record Tensor(String name, String dtype, List<Long> shape, long begin, long end) {
        /** Makes an immutable copy. */
        public Tensor {
            shape = List.copyOf(shape);
        }

        /** Returns the size in bytes. */
        public long bytes() {
            return end - begin;
        }

        /** Returns the number of values. */
        public long elements() {
            return shape.stream().reduce(1L, (one, other) -> one * other);
        }
    }

    /**
     * Reads a file's header and validates it: the tensors must fill the file without gaps or overlaps, and the size of
     * each must match its type and shape.
     *
     * @throws ModelLoadException if the file can't be read or is damaged; the message names the file and the problem
     */
    public static SafetensorsHeader read(Path file) {
        if (!Files.isRegularFile(file)) { // opening a pipe may block forever
            throw damaged(file, Files.isSymbolicLink(file) ? "it is a broken link" : "it is not a file", null);
        }
        try (InputStream in = Files.newInputStream(file)) {
            long size = Files.size(file);
            if (size == 0) {
                throw damaged(file, "it is empty", null);
            }
            byte[] start = in.readNBytes(Long.BYTES);
            long length = start.length < Long.BYTES
                    ? -1
                    : ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
            if (length > MAX_HEADER_BYTES) {
                throw damaged(
                        file,
                        "its header would take %d bytes, but the limit is %d".formatted(length, MAX_HEADER_BYTES),
                        null);
            }
            if (length < 2) {
                throw damaged(file, "its first 8 bytes don't give the length of a header", null);
            }
            if (length > size - Long.BYTES) {
                throw damaged(file, "it ends within its header, after %d bytes".formatted(size), null);
            }
            SafetensorsHeader header = parse(file, in.readNBytes((int) length));
            header.check(file, size - Long.BYTES - length);
            return header;
        } catch (IOException error) {
            throw damaged(file, "it can't be read: " + DisplayText.reason(error), error);
        }
    }

    /** Returns the total size of the tensors in bytes. */
    public long bytes() {
        return tensors.stream().mapToLong(Tensor::bytes).sum();
    }

    private record Entry(
            @JsonProperty("dtype") String dtype,
            @JsonProperty("shape") long[] shape,
            @JsonProperty("data_offsets") long[] offsets) {}

    private static SafetensorsHeader parse(Path file, byte[] json) {
        List<Tensor> tensors = new ArrayList<>();
        Map<String, String> metadata = Map.of();
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw damaged(file, "its header is not a JSON object", null);
            }
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                parser.nextToken();
                if (name.equals("__metadata__")) {
                    Map<String, String> given = JSON.readValue(parser, TEXTS);
                    if (given != null && given.containsValue(null)) {
                        throw damaged(file, "its __metadata__ has null instead of a string", null);
                    }
                    metadata = given == null ? Map.of() : given; // MLX writes null if there is no metadata
                    continue;
                }
                Entry entry = JSON.readValue(parser, Entry.class);
                if (entry == null || entry.offsets().length != 2) {
                    throw damaged(
                            file, "its header does not have two data_offsets for " + DisplayText.text(name), null);
                }
                List<Long> shape = Arrays.stream(entry.shape()).boxed().toList();
                tensors.add(new Tensor(name, entry.dtype(), shape, entry.offsets()[0], entry.offsets()[1]));
            }
            if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
                throw damaged(file, "its header has data after the end of its JSON", null);
            }
            tensors.sort(Comparator.comparingLong(Tensor::begin).thenComparingLong(Tensor::end));
            return new SafetensorsHeader(tensors, metadata);
        } catch (IOException error) {
            throw damaged(file, "its header can't be read: " + DisplayText.reason(error), error);
        }
    }

    private void check(Path file, long dataBytes) {
        long at = 0;
        for (Tensor tensor : tensors) {
            String name = DisplayText.text(tensor.name());
            if (tensor.begin() != at || tensor.end() < at) {
                throw damaged(file, "the bytes of its tensor %s overlap others or leave a gap".formatted(name), null);
            }
            if (tensor.bytes() != expectedBytes(file, tensor)) {
                throw damaged(
                        file,
                        "its tensor %s has %d bytes, which don't match its type %s and its shape %s"
                                .formatted(name, tensor.bytes(), tensor.dtype(), tensor.shape()),
                        null);
            }
            at = tensor.end();
        }
        if (at != dataBytes) {
            String how = at > dataBytes ? "it is truncated" : "it has more data than its header describes";
            throw damaged(file, "%s: %d bytes of data instead of %d".formatted(how, dataBytes, at), null);
        }
    }

    private static long expectedBytes(Path file, Tensor tensor) {
        Integer bits = BITS.get(tensor.dtype());
        if (bits == null) {
            String dtype = DisplayText.text(tensor.dtype());
            throw damaged(
                    file,
                    "its tensor %s has the unknown type %s".formatted(DisplayText.text(tensor.name()), dtype),
                    null);
        }
        try {
            long total = bits;
            for (long dimension : tensor.shape()) {
                if (dimension < 0) {
                    return -1;
                }
                total = Math.multiplyExact(total, dimension);
            }
            return total % 8 == 0 ? total / 8 : -1;
        } catch (ArithmeticException tooLarge) {
            return -1;
        }
    }

    private static Map<String, Integer> bits() {
        Map<Integer, String> names = Map.of(
                4, "F4",
                6, "F6_E2M3 F6_E3M2",
                8, "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E5M2FNUZ F8_E4M3FNUZ",
                16, "I16 U16 F16 BF16",
                32, "I32 U32 F32",
                64, "I64 U64 F64 C64");
        Map<String, Integer> bits = new TreeMap<>();
        names.forEach((count, list) -> {
            for (String name : list.split(" ")) {
                bits.put(name, count);
            }
        });
        return Map.copyOf(bits);
    }

    private static ModelLoadException damaged(Path file, String how, @Nullable Throwable cause) {
        return new ModelLoadException("%s is not a complete safetensors file: %s.".formatted(file, how), HINT, cause);
    }
}
