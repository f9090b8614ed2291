package io.github.mlx4j.model.registry;

/** The kinds of training that differ in their memory needs. */
public enum TrainingKind {
    /** Low-rank matrices next to frozen weights. */
    LORA,
    /** LoRA on quantized weights. If the weights aren't quantized yet, 4 bits in groups of 64 are assumed. */
    QLORA,
    /** LoRA with a magnitude for each output. */
    DORA,
    /** All weights. */
    FULL
}
