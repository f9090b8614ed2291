package io.github.mlx4j.provider;

import java.util.Locale;

/** Who can answer a request. */
public enum ProviderKind {
    /** mlx-lm in a managed worker process. */
    MLX,
    /** Hugging Face transformers in a managed worker process. */
    HF,
    /** An Ollama server. */
    OLLAMA,
    /** OpenAI, or any server that speaks its API. */
    OPENAI,
    /** Anthropic. */
    ANTHROPIC;

    /** The name as users write it: {@code mlx}, {@code hf}, {@code ollama}, {@code openai}, {@code anthropic}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
