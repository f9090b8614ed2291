package io.github.mlx4j.model.registry;

import org.jspecify.annotations.Nullable;

/**
 * A training, as far as it matters for memory.
 *
 * @param kind what is trained
 * @param trained how many parameters are trained; ignored for {@code FULL}, which trains all of them
 * @param optimizerValues values that the optimizer keeps for each trained parameter: 2 for Adam and AdamW, 0 for those
 *     that keep none or few
 * @param weightBytes bytes of a weight that isn't quantized, or {@code null} for as many as in the files
 * @param batch rows that go through the model at once
 * @param sequence tokens of a row
 * @param gradientCheckpointing whether a layer keeps its input only, and computes its other activations again
 */
public record TrainingNeed(
        TrainingKind kind,
        long trained,
        int optimizerValues,
        @Nullable Integer weightBytes,
        int batch,
        int sequence,
        boolean gradientCheckpointing) {

    /** A training with Adam, of weights as they are in the files, that keeps every activation. */
    public static TrainingNeed withAdam(TrainingKind kind, long trained, int batch, int sequence) {
        return new TrainingNeed(kind, trained, 2, null, batch, sequence, false);
    }
}
