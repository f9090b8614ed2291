package io.github.mlx4j.programs.bench;

import java.util.List;

/** One way to use the engine, to be measured. It stays warm while others are measured. */
interface Arm extends AutoCloseable {

    /** Returns the name in tables. */
    String name();

    /** Sends all prompts at the same time, one per caller, with greedy decoding. */
    Round ask(List<String> prompts, int maxTokens);

    /** Returns whether the arm can serve this many concurrent callers. */
    default boolean serves(int callers) {
        return true;
    }

    /** Returns whether the model is the same as that of the other arms, so that answers can be compared. */
    default boolean sameModel() {
        return true;
    }

    @Override
    void close();
}
