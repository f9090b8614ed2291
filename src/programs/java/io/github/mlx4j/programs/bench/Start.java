package io.github.mlx4j.programs.bench;

import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Measures how long a worker takes to start and how much memory it uses, with and without a model. */
final class Start implements Scenario {

    @Override
    public boolean measures(ProviderKind engine) {
        return engine == ProviderKind.MLX;
    }

    @Override
    public void run(Lab lab) throws Exception {
        Table table = lab.table(
                "Start and memory",
                "worker",
                "ready, ms [95%]",
                "resident, MB [95%]",
                "with its watchdog (PSS), MB",
                "n");
        int starts = lab.count(5, 20);
        double[] ms = new double[starts];
        double[] resident = new double[starts];
        double[] shared = new double[starts];
        for (int i = 0; i < starts; i++) {
            long begun = System.nanoTime();
            WorkerClient worker = WorkerClient.start(
                    new WorkerLaunch(ProviderKind.MLX, lab.python, new BundledScripts("mlx_worker.py"), Map.of()));
            try {
                worker.hello().get(60, TimeUnit.SECONDS);
                ms[i] = (System.nanoTime() - begun) / 1e6;
                resident[i] = Machine.residentMb(worker.pid());
                shared[i] = Machine.proportionalMb(worker.pid());
            } finally {
                worker.close();
            }
        }
        row(lab, table, "without a model: hello", ms, resident, shared);
        lab.measured(Limit.START, Statistics.median95(ms), starts, "");
        lab.measured(Limit.MEMORY, Statistics.median95(resident), starts, "");
        for (int i = 0; i < starts; i++) {
            long begun = System.nanoTime();
            try (Mlx4jArm arm = new Mlx4jArm(lab.engine, lab.model)) {
                ms[i] = (System.nanoTime() - begun) / 1e6;
                resident[i] = Machine.residentMb(arm.pid().orElseThrow());
                shared[i] = Machine.proportionalMb(arm.pid().orElseThrow());
            }
        }
        row(lab, table, "with the model, from a new factory until it is ready", ms, resident, shared);
        long pid = lab.mlx4j.pid().orElseThrow();
        table.row(
                "the measured one, after its first answers",
                "",
                Interval.number(Machine.residentMb(pid)),
                Interval.number(Machine.proportionalMb(pid)),
                1);
    }

    private static void row(Lab lab, Table table, String what, double[] ms, double[] resident, double[] shared) {
        table.row(
                what,
                Statistics.median95(ms),
                Statistics.median95(resident),
                Interval.number(Statistics.median(shared)),
                ms.length);
        lab.raw("start", Mlx4jArm.NAME, what + ", ms", ms);
        lab.raw("start", Mlx4jArm.NAME, what + ", MB", resident);
    }
}
