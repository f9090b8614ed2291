package io.github.mlx4j;

/** What to do with a PEFT LoRA adapter when mlx loads the model. transformers always loads such an adapter as it is. */
public enum AdapterPolicy {
    /**
     * mlx converts the adapter to its own format; the conversion is exact. If it can't convert the adapter, its load
     * attempt fails.
     */
    CONVERT,
    /** The load attempt of mlx fails, and transformers is tried next. */
    FAIL,
    /**
     * mlx loads the model without the adapter, logs this, and the {@link LoadReport} contains a warning. If the model
     * itself is an adapter folder, the adapter is converted, because there is nothing to load without it.
     */
    IGNORE
}
