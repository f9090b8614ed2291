package io.github.mlx4j;

/** What becomes of a LoRA adapter of PEFT where mlx is to load it. transformers loads it as it is, in any case. */
public enum AdapterPolicy {
    /** mlx turns it into its own form, which is exact. What it can't turn fails its attempt. */
    CONVERT,
    /** The attempt of mlx fails, and transformers goes on. */
    FAIL,
    /**
     * mlx loads the model without it, says so in the log, and the {@link LoadReport} warns. A model that is itself the
     * folder of an adapter is converted: there is nothing to load without it.
     */
    IGNORE
}
