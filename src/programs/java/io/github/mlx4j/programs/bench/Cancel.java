package io.github.mlx4j.programs.bench;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Measures how long a request takes to end after it is cancelled, during decode and during prefill. */
final class Cancel implements Scenario {

    private static final int LONG = 1200;
    private static final double GRACE_MS = 5;

    @Override
    public boolean measures(ProviderKind engine) {
        return engine == ProviderKind.MLX;
    }

    @Override
    public void run(Lab lab) throws Exception {
        Table table =
                lab.table("From cancel() to the end", "where", "p50, ms", "p99, ms [95%]", "allowed, ms", "n", "note");
        decode(lab, table, 0, Limit.CANCEL_DECODE);
        decode(lab, table, 4, null);
        prefill(lab, table);
    }

    private static void decode(Lab lab, Table table, int neighbours, @Nullable Limit limit) {
        double[] ms = new double[lab.count(100, 300)];
        List<Double> gaps = new ArrayList<>();
        List<GenerationStream> beside = new ArrayList<>();
        try {
            for (int i = 0; i < ms.length; i++) {
                if (i % 50 == 0) { // their answers end eventually
                    beside.forEach(GenerationStream::close);
                    beside.clear();
                    lab.prompts
                            .fresh(30, neighbours)
                            .forEach(prompt -> beside.add(lab.mlx4j.stream(Mlx4jArm.request(prompt, 3000))));
                }
                try (GenerationStream stream = lab.mlx4j.stream(Mlx4jArm.request(lab.prompts.fresh(30), 400))) {
                    Iterator<GenerationEvent> events = stream.iterator();
                    int until = 5 + lab.random.nextInt(10);
                    long last = 0;
                    for (int seen = 0; seen < until; seen++) {
                        events.next();
                        long now = System.nanoTime();
                        if (seen > 1) {
                            gaps.add((now - last) / 1e6);
                        }
                        last = now;
                    }
                    ms[i] = cancel(stream, events);
                }
            }
        } finally {
            beside.forEach(GenerationStream::close);
        }
        double step =
                Statistics.median(gaps.stream().mapToDouble(Double::doubleValue).toArray());
        report(
                lab,
                table,
                "in decode" + (neighbours > 0 ? ", beside " + neighbours : ", alone"),
                ms,
                2 * step + GRACE_MS,
                "step %s ms".formatted(Interval.number(step)),
                limit);
    }

    private static void prefill(Lab lab, Table table) throws InterruptedException {
        Lab.Chunk chunk = lab.chunk();
        if (chunk == null) {
            throw new IllegalStateException("the duration of a prefill chunk was not measured");
        }
        double[] ms = new double[lab.count(100, 200)];
        int third = Math.max(1, (int) (chunk.ms() * LONG / chunk.tokens() / 3));
        for (int i = 0; i < ms.length; i++) {
            String prompt = lab.prompts.fresh(LONG);
            try (GenerationStream stream = lab.mlx4j.stream(Mlx4jArm.request(prompt, 4))) {
                Thread.sleep(10 + lab.random.nextInt(third)); // in the first third of the prefill
                ms[i] = cancel(stream, stream.iterator());
            }
        }
        report(
                lab,
                table,
                "in prefill, alone",
                ms,
                chunk.ms() + GRACE_MS,
                "chunk %s ms".formatted(Interval.number(chunk.ms())),
                Limit.CANCEL_PREFILL);
    }

    /** Cancels a request and waits until the caller is notified. Returns the time in milliseconds. */
    private static double cancel(GenerationStream stream, Iterator<GenerationEvent> events) {
        long begun = System.nanoTime();
        stream.cancel();
        try {
            events.forEachRemaining(event -> {});
            throw new IllegalStateException("a cancelled answer came to its end");
        } catch (CancelledException ended) {
            return (System.nanoTime() - begun) / 1e6;
        }
    }

    private static void report(
            Lab lab, Table table, String where, double[] ms, double allowed, String note, @Nullable Limit limit) {
        Interval p99 = Statistics.bootstrap(ms, all -> Statistics.percentile(all, 0.99));
        table.row(where, Interval.number(Statistics.median(ms)), p99, Interval.number(allowed), ms.length, note);
        lab.raw("cancel " + where, Mlx4jArm.NAME, "ms", ms);
        if (limit != null) {
            double[] share = Arrays.stream(ms).map(one -> one / allowed).toArray();
            lab.measured(limit, Statistics.bootstrap(share, all -> Statistics.percentile(all, 0.99)), ms.length, note);
        }
    }
}
