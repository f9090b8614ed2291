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
 * The settings with which an adapter creates its worker.
 *
 * @param model a folder, or a hub id {@code org/name}
 * @param download whether a hub model that isn't in the cache may be downloaded
 * @param probe finds the interpreter, or explains why there is none
 * @param scripts the source of the worker's code
 * @param budget how often the worker may fail
 * @param options how the worker is managed
 * @param pool decides which workers may run at the same time
 */
record WorkerSettings(
        String model,
        boolean download,
        Supplier<Availability> probe,
        WorkerScripts scripts,
        RestartBudget budget,
        WorkerConfig options,
        WorkerPool pool) {

    /** Creates settings with a pool that no other worker shares. */
    WorkerSettings(
            String model,
            boolean download,
            Supplier<Availability> probe,
            WorkerScripts scripts,
            RestartBudget budget,
            WorkerConfig options) {
        this(model, download, probe, scripts, budget, options, new WorkerPool(WorkerPoolConfig.DEFAULT));
    }

    /** Returns the worker's time limits and the callbacks for its events. */
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
