package io.github.mlx4j.programs.bench;

import java.util.List;

/** One way to use the engine, to be measured. It stays warm while others are measured. */
interface Arm extends AutoCloseable {

    /** The number of requests that are answered at the same time if they arrive over time. */
    int CALLERS = 16;

    /** Returns the name in tables. */
    String name();

    /** Sends all requests when they arrive, each by a caller of its own. */
    Round ask(List<Request> requests);

    /** Sends all prompts at the same time, one per caller, with greedy decoding. */
    default Round ask(List<String> prompts, int maxTokens) {
        return ask(prompts.stream()
                .map(prompt -> Request.greedy(prompt, maxTokens))
                .toList());
    }

    /** Returns whether the arm can serve this many concurrent callers with this sampling. */
    default boolean serves(int callers, Sampling sampling) {
        return sampling.isGreedy();
    }

    /** Returns whether the model is the same as that of the other arms, so that answers can be compared. */
    default boolean sameModel() {
        return true;
    }

    @Override
    void close();
}
