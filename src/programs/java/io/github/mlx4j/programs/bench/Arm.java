package io.github.mlx4j.programs.bench;

import java.util.List;

/** One way to the engine. It is kept warm while others run. */
interface Arm extends AutoCloseable {

    /** Its name in tables. */
    String name();

    /** Asks every prompt at once, each of a caller of its own; greedy. */
    Round ask(List<String> prompts, int maxTokens);

    /** Whether it can serve callers side by side. */
    default boolean serves(int callers) {
        return true;
    }

    /** Whether its model is the other arms', so that answers can be compared. */
    default boolean sameModel() {
        return true;
    }

    @Override
    void close();
}
