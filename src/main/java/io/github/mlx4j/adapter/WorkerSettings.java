package io.github.mlx4j.adapter;

import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
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
 * @param pool which workers may be up at once
 */
record WorkerSettings(
        String model,
        boolean download,
        Supplier<Availability> probe,
        WorkerScripts scripts,
        RestartBudget budget,
        WorkerConfig options,
        WorkerPool pool) {

    /** For a worker that is alone. */
    WorkerSettings(
            String model,
            boolean download,
            Supplier<Availability> probe,
            WorkerScripts scripts,
            RestartBudget budget,
            WorkerConfig options) {
        this(model, download, probe, scripts, budget, options, new WorkerPool(WorkerPoolConfig.DEFAULT));
    }

    /** How long the worker may take, and who is notified of its events. */
    WorkerLimits limits(WorkerView worker) {
        WorkerLimits standard = WorkerLimits.STANDARD;
        Mlx4jListener listener = options.listener();
        return new WorkerLimits(
                standard.hello(),
                standard.loadStall(),
                options.hang(),
                options.idle(),
                options.journal(),
                listener == null ? null : event -> listener.onWorker(worker, event),
                listener == null ? null : memory -> listener.onMemory(worker, memory),
                options.memoryPeriod());
    }
}
