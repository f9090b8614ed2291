package io.github.mlx4j.programs.bench;

/**
 * How tokens are chosen: the most probable one at temperature 0.
 *
 * @param temperature the temperature
 * @param topP the probability mass of the most probable tokens to choose from
 * @param topK the number of most probable tokens to choose from; 0 means all
 */
record Sampling(double temperature, double topP, int topK) {

    static final Sampling GREEDY = new Sampling(0, 1, 0);

    /** What programs use: with it, BatchGenerator samples all rows in one call. */
    static final Sampling SAMPLED = new Sampling(0.7, 0.9, 40);

    /** Returns settings that differ for each number. */
    static Sampling different(int number) {
        return new Sampling(0.6 + 0.02 * number, 0.9, 40);
    }

    boolean isGreedy() {
        return temperature == 0;
    }
}
