package io.github.mlx4j.adapter;

import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;

/**
 * Text from mlx-lm in a managed worker process. Requests run together in one batch that they join and leave between two
 * tokens.
 */
public final class MlxSubprocessAdapter extends SubprocessAdapter {

    /**
     * Creates it; nothing is started yet.
     *
     * @param model a folder, or a hub id {@code org/name}
     * @param download whether a hub model that isn't in the cache may be downloaded
     * @param probe finds the Python interpreter
     * @param options how the worker is looked after
     */
    public MlxSubprocessAdapter(String model, boolean download, WorkerProbe probe, WorkerConfig options) {
        this(model, download, probe, options, new WorkerPool(WorkerPoolConfig.DEFAULT));
    }

    /** The same beside others that have the same {@code pool}. */
    public MlxSubprocessAdapter(
            String model, boolean download, WorkerProbe probe, WorkerConfig options, WorkerPool pool) {
        this(new WorkerSettings(
                model,
                download,
                probe::check,
                new BundledScripts("mlx_worker.py"),
                RestartBudget.standard(),
                options,
                pool));
    }

    MlxSubprocessAdapter(WorkerSettings settings) {
        super(ProviderKind.MLX, settings);
    }
}
