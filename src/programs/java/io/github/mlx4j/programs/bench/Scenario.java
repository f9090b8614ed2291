package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;

/** A measurement. */
@FunctionalInterface
interface Scenario {

    /** Takes the measurement and reports its results. */
    void run(Lab lab) throws Exception;

    /** Returns whether the scenario can measure this engine. */
    default boolean measures(ProviderKind engine) {
        return true;
    }
}
