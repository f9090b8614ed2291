package io.github.mlx4j.programs.bench;

/** A measurement. */
@FunctionalInterface
interface Scenario {

    /** Takes the measurement and reports its results. */
    void run(Lab lab) throws Exception;
}
