package io.github.mlx4j.model.registry;

import org.jspecify.annotations.Nullable;

/**
 * The parameters of a training run that determine its memory needs.
 *
 * @param kind the kind of training
 * @param trained the number of trained parameters; ignored for {@code FULL}, which trains all of them
 * @param optimizerValues the number of values that the optimizer keeps per trained parameter: 2 for Adam and AdamW, 0
 *     for optimizers that keep no or little state
 * @param weightBytes the bytes per unquantized weight, or {@code null} to use the type in the files
 * @param batch the batch size: the number of rows that are processed together
 * @param sequence the number of tokens per row
 * @param gradientCheckpointing whether layers keep only their inputs and recompute the other activations
 */
public record TrainingNeed(
        TrainingKind kind,
        long trained,
        int optimizerValues,
        @Nullable Integer weightBytes,
        int batch,
        int sequence,
        boolean gradientCheckpointing) {

    /** Returns a training run with Adam, with weights in the type of the files and without gradient checkpointing. */
    public static TrainingNeed withAdam(TrainingKind kind, long trained, int batch, int sequence) {
        return new TrainingNeed(kind, trained, 2, null, batch, sequence, false);
    }
}
