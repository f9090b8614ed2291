package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.protocol.Analysis;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.Embed;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Collects the vectors of a call and checks that they arrive in order and complete. */
final class Vectors<R> implements WorkerQuery.Collector<R, List<float[]>> {

    private static final Logger log = LoggerFactory.getLogger(Vectors.class);

    private final String notification;
    private final Function<JsonNode, Piece> piece;
    private final Function<R, End> end;
    private final int expected;
    private final String of;
    private final List<float[]> vectors = new ArrayList<>();

    /** A vector, as little-endian floats, and its index. */
    private record Piece(int index, byte[] floats) {}

    /** The number of vectors and the length of each. */
    private record End(int count, int length) {}

    private Vectors(
            String notification, Function<JsonNode, Piece> piece, Function<R, End> end, int expected, String of) {
        this.notification = notification;
        this.piece = piece;
        this.end = end;
        this.expected = expected;
        this.of = of;
    }

    /** Collects the vectors of {@code embed} for the given number of texts. */
    static Vectors<Embed.Result> ofTexts(int texts) {
        return new Vectors<>(
                "embedding",
                params -> {
                    Embed.Embedding embedding = Codec.read(params, Embed.Embedding.class);
                    return new Piece(embedding.index(), embedding.vector());
                },
                result -> {
                    if (result.truncated() > 0) {
                        log.warn(
                                "{} of {} texts to embed exceeded the model's maximum length and were truncated",
                                result.truncated(),
                                texts);
                    }
                    return new End(result.count(), result.dimensions());
                },
                texts,
                "texts");
    }

    /** Collects the vectors of {@code logits} for the given number of tokens. */
    static Vectors<Analysis.Logits> ofTokens(int tokens) {
        return new Vectors<>(
                "positionLogits",
                params -> {
                    Analysis.PositionLogits logits = Codec.read(params, Analysis.PositionLogits.class);
                    return new Piece(logits.index(), logits.values());
                },
                result -> new End(result.count(), result.vocabularySize()),
                tokens,
                "tokens");
    }

    @Override
    public void notified(String method, JsonNode params) {
        if (!method.equals(notification)) {
            return;
        }
        Piece next = piece.apply(params);
        if (next.index() != vectors.size()) { // not added, so the count in the answer won't match
            throw new IllegalArgumentException(
                    "received %s %d instead of %d".formatted(notification, next.index(), vectors.size()));
        }
        vectors.add(floats(next.floats()));
    }

    @Override
    public List<float[]> answered(R answer) {
        End result = end.apply(answer);
        if (result.count() != expected || vectors.size() != expected) {
            throw new IllegalArgumentException("received %d vectors in order, of %d for %d %s"
                    .formatted(vectors.size(), result.count(), expected, of));
        }
        for (float[] vector : vectors) {
            if (vector.length != result.length()) {
                throw new IllegalArgumentException("expected a vector of %d dimensions, but received %d"
                        .formatted(result.length(), vector.length));
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
