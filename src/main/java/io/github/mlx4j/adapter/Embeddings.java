package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.EmbedResult;
import io.github.mlx4j.internal.protocol.Embedding;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Collects the vectors of a call, and takes none for another's. */
final class Embeddings implements WorkerQuery.Reading<List<float[]>> {

    private final int texts;
    private final List<float[]> vectors = new ArrayList<>();

    /** For so many texts. */
    Embeddings(int texts) {
        this.texts = texts;
    }

    @Override
    public void notified(String method, JsonNode params) {
        if (!method.equals("embedding")) {
            return;
        }
        Embedding embedding = Codec.read(params, Embedding.class);
        if (embedding.index() != vectors.size()) { // left out, so the answer's count will tell
            throw new IllegalArgumentException(
                    "embedding %d came in place of %d".formatted(embedding.index(), vectors.size()));
        }
        vectors.add(floats(embedding.vector()));
    }

    @Override
    public List<float[]> answered(JsonNode answer) {
        EmbedResult result = Codec.read(answer, EmbedResult.class);
        if (result.count() != texts || vectors.size() != texts) {
            throw new IllegalArgumentException(
                    "%d vectors came, in order, of %d for %d texts".formatted(vectors.size(), result.count(), texts));
        }
        for (float[] vector : vectors) {
            if (vector.length != result.dimensions()) {
                throw new IllegalArgumentException(
                        "a vector of %d dimensions has %d".formatted(result.dimensions(), vector.length));
            }
        }
        return List.copyOf(vectors);
    }

    private static float[] floats(byte[] bytes) {
        if (bytes.length % Float.BYTES != 0) {
            throw new IllegalArgumentException("a vector has %d bytes".formatted(bytes.length));
        }
        float[] floats = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }
}
