package io.github.mlx4j.programs.bench;

/** One thing to measure. */
@FunctionalInterface
interface Scenario {

    /** Measures, and reports what it found. */
    void run(Lab lab) throws Exception;
}
