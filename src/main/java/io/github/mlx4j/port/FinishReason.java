package io.github.mlx4j.port;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, or a stop string did. */
    STOP,
    /** {@code maxTokens} or the model's context was reached. */
    LENGTH
}
