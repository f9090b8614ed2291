package io.github.mlx4j.adapter;

import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import java.util.function.Supplier;

/** Creates adapters with custom settings, for tests in other packages. */
public final class Adapters {

    private Adapters() {}

    /** An mlx adapter over any scripts, with any budget. */
    public static MlxSubprocessAdapter mlx(
            String model,
            Supplier<Availability> probe,
            WorkerScripts scripts,
            RestartBudget budget,
            WorkerConfig options) {
        return new MlxSubprocessAdapter(new WorkerSettings(model, false, probe, scripts, budget, options));
    }

    /** An hf adapter over any scripts, with any budget. */
    public static HfSubprocessAdapter hf(
            String model,
            Supplier<Availability> probe,
            WorkerScripts scripts,
            RestartBudget budget,
            WorkerConfig options) {
        return new HfSubprocessAdapter(new WorkerSettings(model, false, probe, scripts, budget, options));
    }
}
