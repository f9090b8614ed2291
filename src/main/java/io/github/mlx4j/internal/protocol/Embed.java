package io.github.mlx4j.internal.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code embed}: an {@code embedding} notification for each text precedes the result. */
public final class Embed {

    private Embed() {}

    /** Returns a call for these texts, with a prompt of the model or its default prompt. */
    public static WorkerCall<Result> call(List<String> texts, @Nullable String promptName) {
        return WorkerCall.of(Method.EMBED, new Params(texts, promptName), Result.class);
    }

    record Params(List<String> texts, @Nullable String promptName) {}

    /**
     * The notification {@code embedding}: the embedding of one text.
     *
     * @param index the index of the text, from 0
     * @param vector little-endian 32-bit floats; base64 on the wire
     */
    public record Embedding(int index, byte[] vector) {}

    /**
     * The result.
     *
     * @param count the number of preceding embeddings
     * @param dimensions the length of each embedding
     * @param promptTokens the number of tokens in all texts, including their prompts
     * @param truncated the number of texts that exceeded the model's maximum length and were truncated
     */
    public record Result(int count, int dimensions, int promptTokens, int truncated) {}
}
