package io.github.mlx4j.conversion;

/** Whether a conversion is also compared with what transformers computes for the source. */
public enum VerifyWith {
    /**
     * Where there is an hf environment and transformers can load the source; else the report says why not. The
     * conversion fails where the hf worker does not start, hangs or dies, since that says nothing of the source.
     */
    AUTO,
    /** Always: the conversion fails where that is not possible. */
    HF,
    /** Never: the result is compared with its source on mlx alone. */
    NONE
}
