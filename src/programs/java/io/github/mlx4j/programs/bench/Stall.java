package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Measures the longest time that a decoder waits for a token while another request's long prompt is prefilled. It
 * should not exceed one prefill chunk plus one step, as measured in process with BatchGenerator and chunks of the same
 * length.
 */
final class Stall implements Scenario {

    private static final int LONG = 1200;
    private static final int UNDISTURBED = 30;
    private static final double GRACE_MS = 5; // margin for the protocol and other processes, as in Cancel

    /**
     * The measurements of a decoder: its step without neighbours and its longest gap during a prefill, in milliseconds,
     * and the number of tokens in a chunk of that prefill.
     */
    private record Trial(double step, double longest, int chunk) {}

    @Override
    public boolean measures(ProviderKind engine) {
        return engine == ProviderKind.MLX;
    }

    @Override
    public void run(Lab lab) throws Exception {
        Table table = lab.table(
                "Decoding beside a prefill of about 1,200 tokens", "what", "median, ms", "maximum, ms", "n", "note");
        int trials = lab.count(8, 30);
        double[] longest = new double[trials];
        double[] steps = new double[trials];
        double[] inProcess = new double[trials];
        double[] chunks = new double[trials];
        int most = 0;
        WorkerClient worker = WorkerClient.start(
                new WorkerLaunch(ProviderKind.MLX, lab.python, new BundledScripts("mlx_worker.py"), Map.of()));
        try {
            worker.hello().get(1, TimeUnit.MINUTES);
            Map<String, ?> model = Map.of("protocol", Map.of("major", 1), "model", Map.of("source", lab.model));
            new Call(worker, Method.INITIALIZE, model).answer.get(5, TimeUnit.MINUTES);
            trial(worker, lab.prompts.fresh(30), lab.prompts.fresh(LONG)); // the worker determines its chunk size
            for (int i = 0; i < trials; i++) {
                String prompt = lab.prompts.fresh(LONG);
                String decoder = lab.prompts.fresh(30);
                Trial trial = trial(worker, decoder, prompt);
                long[] both = lab.together.beside(decoder, prompt, trial.chunk);
                longest[i] = trial.longest;
                steps[i] = trial.step;
                inProcess[i] = LongStream.of(both).max().orElseThrow() / 1e6;
                chunks[i] = inProcess[i] - trial.step;
                most = Math.max(most, trial.chunk);
            }
            Call alone = generate(worker, lab.prompts.fresh(2 * LONG), 1);
            alone.answer.get(5, TimeUnit.MINUTES);
            lab.chunk(new Lab.Chunk(alone.told().tokens(), alone.told().ms()));
        } finally {
            worker.close();
        }
        String about = "in chunks of up to %d tokens".formatted(most);
        row(table, "longest stall of the decoding request", longest, "");
        row(table, "the longest chunk and step, in process", inProcess, about);
        row(table, "a step without neighbours", steps, "");
        lab.raw("stall", Mlx4jArm.NAME, "longest, ms", longest);
        lab.raw("stall", lab.together.name(), "longest chunk and step, ms", inProcess);
        lab.raw("stall", Mlx4jArm.NAME, "step, ms", steps);
        double[] allowed = Arrays.stream(inProcess).map(ms -> ms + GRACE_MS).toArray();
        lab.measured(Limit.STALL, Statistics.median95(Statistics.ratios(longest, allowed)), trials, about);
        lab.measured(Limit.CHUNK, Statistics.median95(chunks), trials, about);
    }

    private static void row(Table table, String what, double[] ms, String note) {
        table.row(
                what,
                Interval.number(Statistics.median(ms)),
                Interval.number(Arrays.stream(ms).max().orElseThrow()),
                ms.length,
                note);
    }

    private static Trial trial(WorkerClient worker, String decoder, String prompt) throws Exception {
        Call decoding = generate(worker, decoder, 2000);
        while (decoding.chunks.size() < UNDISTURBED) {
            if (decoding.answer.isDone()) {
                throw new IllegalStateException("the decoder ended before its neighbour began");
            }
            Thread.sleep(1);
        }
        Call prefilling = generate(worker, prompt, 1);
        prefilling.answer.get(5, TimeUnit.MINUTES);
        if (decoding.answer.isDone()) { // this can happen with --model
            throw new IllegalStateException("the decoder ended before its neighbour was prefilled");
        }
        List<Long> arrivals = List.copyOf(decoding.chunks);
        worker.cancel(decoding.id);
        decoding.answer.get(1, TimeUnit.MINUTES);
        double[] gaps = new double[arrivals.size() - 1];
        Arrays.setAll(gaps, i -> (arrivals.get(i + 1) - arrivals.get(i)) / 1e6);
        return new Trial(
                Statistics.median(Arrays.copyOf(gaps, UNDISTURBED - 1)),
                Arrays.stream(gaps).skip(UNDISTURBED - 1).max().orElseThrow(),
                prefilling.told().tokens());
    }

    private static Call generate(WorkerClient worker, String prompt, int maxTokens) {
        return new Call(worker, Method.GENERATE, Map.of("prompt", prompt, "maxTokens", maxTokens));
    }

    /**
     * The progress that a worker reported for a prefill.
     *
     * @param done the number of processed tokens in each report
     * @param at the time of each report, in nanoseconds
     */
    record Told(List<Integer> done, List<Long> at) {

        /**
         * Returns the number of tokens in the longest chunk. Reports may be dropped, so steps of about twice the median
         * are ignored.
         */
        int tokens() {
            double[] steps = IntStream.range(1, done.size())
                    .mapToDouble(i -> done.get(i) - done.get(i - 1))
                    .toArray();
            if (steps.length < 3) {
                throw new IllegalStateException("the worker did not tell how far a prefill was, but for " + done);
            }
            double most = 1.5 * Statistics.median(steps);
            return (int) Arrays.stream(steps).filter(step -> step < most).max().orElseThrow();
        }

        /** Returns the duration of a chunk in milliseconds. */
        double ms() {
            return Statistics.median(IntStream.range(1, at.size())
                    .mapToDouble(i -> (at.get(i) - at.get(i - 1)) / 1e6)
                    .toArray());
        }
    }

    /** A call and the arrival times of its messages, recorded on the thread that reads them. */
    private static final class Call implements Reply<JsonNode> {

        final CompletableFuture<Boolean> answer = new CompletableFuture<>();
        final List<Long> chunks = Collections.synchronizedList(new ArrayList<>());
        final String id;
        private final List<Integer> done = new ArrayList<>();
        private final List<Long> at = new ArrayList<>();

        Call(WorkerClient worker, Method method, Map<String, ?> params) {
            id = worker.call(WorkerCall.of(method, params, JsonNode.class), this);
        }

        /** Returns the reported progress of the prefill. Call it only after the call has completed. */
        Told told() {
            return new Told(done, at);
        }

        @Override
        public void notified(String what, JsonNode message) {
            if (what.equals("chunk")) {
                chunks.add(System.nanoTime());
            } else if (what.equals("progress")) {
                done.add(message.get("done").asInt());
                at.add(System.nanoTime());
            }
        }

        @Override
        public void answered(JsonNode result) {
            answer.complete(true);
        }

        @Override
        public void failed(Mlx4jException error) {
            if (error instanceof CancelledException) {
                answer.complete(false);
            } else {
                answer.completeExceptionally(error);
            }
        }
    }
}
