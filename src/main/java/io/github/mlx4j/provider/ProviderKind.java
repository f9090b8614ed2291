package io.github.mlx4j.provider;

import java.util.Locale;

/** The providers that can answer a request. */
public enum ProviderKind {
    /** mlx-lm in a managed worker process. */
    MLX,
    /** Hugging Face transformers in a managed worker process. */
    HF,
    /** An Ollama server. */
    OLLAMA,
    /** OpenAI, or any server with a compatible API. */
    OPENAI,
    /** Anthropic. */
    ANTHROPIC;

    /** The name in settings and options: {@code mlx}, {@code hf}, {@code ollama}, {@code openai}, {@code anthropic}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
