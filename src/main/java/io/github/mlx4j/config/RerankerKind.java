package io.github.mlx4j.config;

import java.util.Locale;

/** What tells that a language model is a reranker: its files and its name, or the program. */
public enum RerankerKind {
    /**
     * A model is a reranker if its folder says so (sentence-transformers' {@code LogitScore} module, or a sequence
     * classifier), or if its name has {@code Qwen3-Reranker} in it. Others are refused.
     */
    AUTO,
    /** A model of Qwen3-Reranker's kind, under any name. It must have been trained on that model's prompt. */
    QWEN3;

    /** The name as users write it: {@code auto}, {@code qwen3}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
