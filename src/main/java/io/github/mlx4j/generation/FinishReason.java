package io.github.mlx4j.generation;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, a stop string did, or its text is whole by its response format. */
    STOP,
    /** The model ended it and waits for what the tools that it called give. */
    TOOL_CALLS,
    /** {@code maxTokens} or the model's context was reached. */
    LENGTH,
    /** A remote provider ended it for a reason of its own, such as a filter. */
    OTHER
}
