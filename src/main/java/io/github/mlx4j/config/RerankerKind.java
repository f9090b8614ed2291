package io.github.mlx4j.config;

import java.util.Locale;

/** How a language model is recognized as a reranker: by its files and name, or because the program says so. */
public enum RerankerKind {
    /**
     * A model is a reranker if its folder identifies it as one (the {@code LogitScore} module of sentence-transformers,
     * or a sequence classifier), or if its name contains {@code Qwen3-Reranker}. Other models are rejected.
     */
    AUTO,
    /** The model is a Qwen3-Reranker, whatever its name. It must have been trained on the prompt of that model. */
    QWEN3;

    /** Returns the name as users write it: {@code auto}, {@code qwen3}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
