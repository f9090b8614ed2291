package io.github.mlx4j.programs.bench;

import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Measures a long prompt that arrives while 16 requests decode: its time to first token, and the mean time between
 * their tokens meanwhile. They are compared with equal shares of the time, half for the prompt and half for decoding:
 * the prompt then takes twice as long as alone, and so does each step.
 */
final class Beside implements Scenario {

    private static final int LONG = 1200;
    private static final int DECODING = 16;
    private static final int UNDISTURBED = 40; // tokens
    private static final int MAX_TOKENS = 3000;

    /** The measurements of a trial in milliseconds: of the prompt, and between tokens of the other requests. */
    private record Trial(double aloneMs, double firstMs, double stepMs, double gapMs) {

        double first() {
            return firstMs / (2 * aloneMs + stepMs);
        }

        double gap() {
            return gapMs / (2 * stepMs);
        }
    }

    @Override
    public void run(Lab lab) throws Exception {
        Table table = lab.table(
                "A prompt of about %d tokens beside %d decoding requests".formatted(LONG, DECODING),
                "what",
                "undisturbed, ms",
                "together, ms",
                "of equal shares [95%]",
                "n");
        List<Trial> trials = new ArrayList<>();
        for (int i = -1; i < lab.count(5, 15); i++) { // the first trial is a warm-up
            Trial trial = trial(lab);
            if (i >= 0) {
                trials.add(trial);
            }
        }
        double[] alone = trials.stream().mapToDouble(Trial::aloneMs).toArray();
        double[] together = trials.stream().mapToDouble(Trial::firstMs).toArray();
        double[] step = trials.stream().mapToDouble(Trial::stepMs).toArray();
        double[] gap = trials.stream().mapToDouble(Trial::gapMs).toArray();
        Interval first =
                Statistics.median95(trials.stream().mapToDouble(Trial::first).toArray());
        Interval gaps =
                Statistics.median95(trials.stream().mapToDouble(Trial::gap).toArray());
        row(table, "time to first token of the prompt", alone, together, first);
        row(table, "mean gap of the decoding requests", step, gap, gaps);
        lab.raw("beside", Mlx4jArm.NAME, "TTFT alone, ms", alone);
        lab.raw("beside", Mlx4jArm.NAME, "TTFT, ms", together);
        lab.raw("beside", Mlx4jArm.NAME, "gap alone, ms", step);
        lab.raw("beside", Mlx4jArm.NAME, "gap, ms", gap);
        lab.measured(Limit.BESIDE_FIRST, first, trials.size(), "");
        lab.measured(Limit.BESIDE_GAPS, gaps, trials.size(), "");
    }

    private static void row(Table table, String what, double[] alone, double[] together, Interval ratio) {
        table.row(
                what,
                Interval.number(Statistics.median(alone)),
                Interval.number(Statistics.median(together)),
                ratio,
                alone.length);
    }

    private static Trial trial(Lab lab) throws Exception {
        double alone = first(lab);
        List<GenerationStream> streams = new ArrayList<>();
        List<List<Long>> arrivals = new ArrayList<>();
        List<CompletableFuture<Void>> readers = new ArrayList<>();
        CountDownLatch ready = new CountDownLatch(DECODING);
        for (String prompt : lab.prompts.fresh(30, DECODING)) {
            GenerationStream stream = lab.mlx4j.stream(Mlx4jArm.request(prompt, MAX_TOKENS));
            List<Long> times = Collections.synchronizedList(new ArrayList<>());
            streams.add(stream);
            arrivals.add(times);
            readers.add(CompletableFuture.runAsync(() -> read(stream, times, ready), task -> new Thread(task).start()));
        }
        try {
            if (!ready.await(2, TimeUnit.MINUTES)) {
                throw new IllegalStateException("the decoding requests did not start");
            }
            long begun = System.nanoTime();
            double first = first(lab);
            long end = System.nanoTime();
            if (readers.stream().anyMatch(CompletableFuture::isDone)) { // this can happen with --model
                throw new IllegalStateException("an answer ended before the long prompt was prefilled");
            }
            return new Trial(alone, first, gap(arrivals, 0, begun), gap(arrivals, begun, end));
        } finally {
            streams.forEach(GenerationStream::close);
        }
    }

    private static double first(Lab lab) {
        Round round = lab.mlx4j.ask(lab.prompts.fresh(LONG, 1), 1);
        if (round.lost() > 0) {
            throw new IllegalStateException("the long prompt was not answered: "
                    + round.answers().get(0).lost());
        }
        return round.firstMs();
    }

    private static void read(GenerationStream stream, List<Long> times, CountDownLatch ready) {
        Iterator<GenerationEvent> events = stream.iterator();
        while (events.hasNext()) { // ends with an exception when the stream is closed
            events.next();
            times.add(System.nanoTime());
            if (times.size() == UNDISTURBED) {
                ready.countDown();
            }
        }
        if (times.size() < UNDISTURBED) {
            ready.countDown(); // so that nobody waits for it
        }
    }

    /**
     * Returns the mean time between tokens in a period, in milliseconds, for the median request. The gaps in which the
     * period begins and ends count too.
     */
    static double gap(List<List<Long>> arrivals, long from, long until) {
        return Statistics.median(arrivals.stream()
                .map(times -> List.copyOf(times).stream()
                        .skip(UNDISTURBED / 2)
                        .mapToLong(Long::longValue)
                        .toArray())
                .mapToDouble(times -> {
                    int first = 0;
                    while (first < times.length - 2 && times[first + 1] <= from) {
                        first++;
                    }
                    int last = first + 1;
                    while (last < times.length - 1 && times[last] < until) {
                        last++;
                    }
                    return (times[last] - times[first]) / 1e6 / (last - first);
                })
                .toArray());
    }
}
