package io.github.mlx4j.programs.bench;

import io.github.mlx4j.adapter.Adapters;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;

/**
 * Measures the latency from the worker's engine to the caller: from the moment before a chunk is encoded until the
 * caller receives it. A special worker, {@code python/bench/stamped_worker.py}, records when chunks are encoded.
 */
final class AddedLatency implements Scenario {

    private static final int TOKENS = 96;
    private static final Path STAMPED = Path.of("python", "bench", "stamped_worker.py");

    @Override
    public boolean measures(ProviderKind engine) {
        return engine == ProviderKind.MLX;
    }

    @Override
    public void run(Lab lab) throws Exception {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw new UnsupportedOperationException("only on Linux do Java and Python surely have one clock");
        }
        Table table = lab.table("Added latency of a token", "callers", "p50, us", "p99, us", "n");
        Path[] folder = new Path[1];
        WorkerScripts scripts = home -> {
            folder[0] = home;
            new BundledScripts("mlx_worker.py").install(home);
            return Files.copy(STAMPED, home.resolve("stamped_worker.py"));
        };
        Availability ready = new Availability.Ready(lab.python, "3", Map.of());
        try (MlxSubprocessAdapter port =
                Adapters.mlx(lab.model, () -> ready, scripts, RestartBudget.standard(), WorkerConfig.DEFAULT)) {
            port.warmUp();
            for (int callers : new int[] {1, 8, 16}) {
                List<Double> us = new ArrayList<>();
                for (int round = 0; round < lab.count(callers == 1 ? 10 : 4, 20) + 1; round++) {
                    List<Double> added = round(lab, port, folder[0].resolve("stamps"), callers);
                    if (round > 0) { // the first round is a warm-up
                        us.addAll(added);
                    }
                }
                double[] values = us.stream().mapToDouble(Double::doubleValue).toArray();
                Interval p50 = Statistics.median95(values);
                Interval p99 = Statistics.bootstrap(values, all -> Statistics.percentile(all, 0.99));
                table.row(callers, p50, p99, values.length);
                lab.raw("latency, " + callers + " callers", Mlx4jArm.NAME, "us", values);
                if (callers == 1) {
                    lab.measured(Limit.ADDED_P50, p50, values.length, "");
                    lab.measured(Limit.ADDED_P99, p99, values.length, "");
                }
            }
        }
    }

    private static List<Double> round(Lab lab, MlxSubprocessAdapter port, Path stamps, int callers) throws IOException {
        Files.deleteIfExists(stamps);
        List<List<Long>> arrivals = IntStream.range(0, callers)
                .mapToObj(i -> (List<Long>) new ArrayList<Long>())
                .toList();
        List<GenerationStream> streams = lab.prompts.fresh(30, callers).stream()
                .map(prompt -> port.stream(Mlx4jArm.request(prompt, TOKENS)))
                .toList(); // started by one thread, so that call IDs are in this order
        Round.of(IntStream.range(0, callers)
                .mapToObj(i -> (Callable<Answer>) () -> {
                    for (GenerationEvent event : streams.get(i)) {
                        if (event instanceof GenerationEvent.Text || event instanceof GenerationEvent.Thinking) {
                            arrivals.get(i).add(System.nanoTime());
                        }
                    }
                    return new Recording().answer();
                })
                .toList());
        return added(Files.readAllLines(stamps), arrivals);
    }

    /** Returns each caller's arrival times minus the worker's times for the same chunks, in microseconds. */
    static List<Double> added(List<String> stamps, List<List<Long>> arrivals) {
        Map<Long, List<Long>> calls = new TreeMap<>();
        for (String stamp : stamps) {
            String[] parts = stamp.split(" "); // id, seq, nanoseconds
            calls.computeIfAbsent(Long.valueOf(parts[0]), id -> new ArrayList<>())
                    .add(Long.valueOf(parts[2]));
        }
        Iterator<List<Long>> caller = arrivals.iterator();
        List<Double> us = new ArrayList<>();
        for (List<Long> sent : calls.values()) {
            List<Long> came = caller.next();
            if (sent.size() != came.size()) {
                throw new IllegalStateException(sent.size() + " chunks were sent, but " + came.size() + " came");
            }
            for (int i = 0; i < sent.size(); i++) {
                us.add((came.get(i) - sent.get(i)) / 1e3);
            }
        }
        return us;
    }
}
