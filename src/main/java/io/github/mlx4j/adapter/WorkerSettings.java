package io.github.mlx4j.adapter;

import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.internal.worker.WorkerScripts;
import io.github.mlx4j.probe.Availability;
import java.util.function.Supplier;

/**
 * What an adapter needs to have a worker.
 *
 * @param model a folder, or a hub id {@code org/name}
 * @param download whether a hub model that isn't in the cache may be downloaded
 * @param probe finds the interpreter, or says why there is none
 * @param scripts where the worker's code comes from
 * @param budget how often it may fail
 * @param options how it is looked after
 * @param residency which workers may be up at once
 */
record WorkerSettings(
        String model,
        boolean download,
        Supplier<Availability> probe,
        WorkerScripts scripts,
        RestartBudget budget,
        WorkerOptions options,
        Residency residency) {

    /** For a worker that is alone. */
    WorkerSettings(
            String model,
            boolean download,
            Supplier<Availability> probe,
            WorkerScripts scripts,
            RestartBudget budget,
            WorkerOptions options) {
        this(model, download, probe, scripts, budget, options, new Residency(ResidencyOptions.DEFAULT));
    }
}
