package io.github.mlx4j.conversion;

/** Whether the result of a conversion is also compared with what transformers computes for the source. */
public enum VerifyWith {
    /**
     * If there is an hf environment and transformers can load the source; otherwise the report gives the reason. The
     * conversion fails if the hf worker does not start, hangs or dies, since that says nothing about the source.
     */
    AUTO,
    /** Always: the conversion fails if the comparison is not possible. */
    HF,
    /** Never: the result is compared with its source on mlx only. */
    NONE
}
