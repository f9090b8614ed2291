package io.github.mlx4j.adapter;

import io.github.mlx4j.internal.worker.BundledScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.internal.worker.WorkerScripts;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Availability;
import io.github.mlx4j.probe.WorkerProbe;
import java.util.function.Supplier;

/** Text from Hugging Face transformers in a managed worker process. Requests run one after another. */
public final class HfSubprocessAdapter extends SubprocessAdapter {

    /**
     * Creates it; nothing is started yet.
     *
     * @param model a folder, or a hub id {@code org/name}
     * @param download whether a hub model that isn't in the cache may be downloaded
     * @param probe finds the Python interpreter
     */
    public HfSubprocessAdapter(String model, boolean download, WorkerProbe probe) {
        this(model, download, probe::check, new BundledScripts("hf_worker.py"), RestartBudget.standard());
    }

    HfSubprocessAdapter(
            String model, boolean download, Supplier<Availability> probe, WorkerScripts scripts, RestartBudget budget) {
        super(ProviderKind.HF, new WorkerSettings(model, download, probe, scripts, budget));
    }
}
