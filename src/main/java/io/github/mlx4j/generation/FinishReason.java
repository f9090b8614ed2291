package io.github.mlx4j.generation;

/** Why generation ended. */
public enum FinishReason {
    /** The model generated its end token or a stop string, or completed the response format. */
    STOP,
    /** The model called tools and expects their results. */
    TOOL_CALLS,
    /** The answer reached {@code maxTokens} or the end of the model's context. */
    LENGTH,
    /** A remote provider ended it for another reason, such as a content filter. */
    OTHER
}
