package io.github.mlx4j.model.registry;

/** How a model is trained, as far as it matters for memory. */
public enum TrainingKind {
    /** Low-rank matrices beside weights that stay as they are. */
    LORA,
    /** The same beside quantized weights; where they aren't yet, 4 bits in groups of 64 are counted. */
    QLORA,
    /** LoRA with a magnitude for each output. */
    DORA,
    /** Every weight. */
    FULL
}
