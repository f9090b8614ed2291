package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code embed}: an {@code embedding} for each text comes before the result. */
public final class Embed {

    private Embed() {}

    /** The call for texts, with a prompt of the model or its default one. */
    public static WorkerCall<Result> call(List<String> texts, @Nullable String promptName) {
        return WorkerCall.of(Method.EMBED, new Params(texts, promptName), Result.class);
    }

    record Params(List<String> texts, @Nullable String promptName) {}

    /**
     * The notification {@code embedding}: the vector of one text.
     *
     * @param index which text, from 0
     * @param vector little-endian 32-bit floats; base64 on the wire
     */
    public record Embedding(int index, byte[] vector) {}

    /**
     * The result.
     *
     * @param count how many vectors came before
     * @param dimensions the length of each
     * @param promptTokens tokens of all texts, with their prompts
     * @param truncated how many texts were longer than the model's maximum and were truncated
     */
    public record Result(int count, int dimensions, int promptTokens, int truncated) {}
}
