package io.github.mlx4j.adapter;

import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;

/**
 * Generates text with Hugging Face transformers in a managed worker process. Requests run concurrently, except on
 * models for which {@link io.github.mlx4j.port.ModelDetails#concurrent()} is false.
 */
public final class HfSubprocessAdapter extends SubprocessAdapter {

    /**
     * Creates an adapter with a worker pool of its own. The worker is not started yet.
     *
     * @param model a folder, or a hub id {@code org/name}
     * @param download whether a hub model that isn't in the cache may be downloaded
     * @param probe finds the Python interpreter
     * @param options how the worker is managed
     */
    public HfSubprocessAdapter(String model, boolean download, WorkerProbe probe, WorkerConfig options) {
        this(model, download, probe, options, new WorkerPool(WorkerPoolConfig.DEFAULT));
    }

    /** Creates an adapter that shares {@code pool} with other adapters. The worker is not started yet. */
    public HfSubprocessAdapter(
            String model, boolean download, WorkerProbe probe, WorkerConfig options, WorkerPool pool) {
        this(new WorkerSettings(
                model,
                download,
                probe::check,
                new BundledScripts("hf_worker.py"),
                RestartBudget.standard(),
                options,
                pool));
    }

    HfSubprocessAdapter(WorkerSettings settings) {
        super(ProviderKind.HF, settings);
    }
}
