package io.github.mlx4j.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.worker.BundledScripts;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.internal.worker.WorkerLaunch;
import io.github.mlx4j.port.GenerationEvent;
import io.github.mlx4j.port.GenerationStream;
import io.github.mlx4j.port.ProviderKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The longest time that a decoder waits for a token while a neighbour's long prompt is prefilled. It should be one
 * chunk of that prefill and one step: as long as in-process BatchGenerator takes for both, in chunks of that length.
 */
final class Stall implements Scenario {

    private static final int LONG = 1200;
    private static final int UNDISTURBED = 30;

    /** What a decoder saw: its step alone, and its longest gap beside a prefill, in ms. */
    private record Trial(double step, double longest) {}

    @Override
    public void run(Lab lab) throws Exception {
        Table table = lab.report.table(
                "A decoder beside a prefill of about 1,200 tokens", "what", "median, ms", "most, ms", "n", "note");
        List<Told> told = chunks(lab);
        lab.chunk(new Lab.Chunk(told.get(0).tokens(), told.get(0).ms()));
        int tokens = told.get(1).tokens();
        String about = "in chunks of %d tokens".formatted(tokens);
        int trials = lab.count(8, 30);
        double[] longest = new double[trials];
        double[] steps = new double[trials];
        double[] inProcess = new double[trials];
        double[] chunks = new double[trials];
        for (int i = 0; i < trials; i++) {
            String prompt = lab.prompts.fresh(LONG);
            String decoder = lab.prompts.fresh(30);
            Trial trial = trial(lab, decoder, prompt);
            long[] both = lab.together.beside(decoder, prompt, tokens);
            longest[i] = trial.longest;
            steps[i] = trial.step;
            inProcess[i] = LongStream.of(both).max().orElseThrow() / 1e6;
            chunks[i] = inProcess[i] - trial.step;
        }
        row(table, "longest stall of the decoder", longest, "");
        row(table, "the longest chunk and step, in process", inProcess, about);
        row(table, "a step without neighbours", steps, "");
        lab.report.raw("stall", Mlx4jArm.NAME, "longest, ms", longest);
        lab.report.raw("stall", lab.together.name(), "longest chunk and step, ms", inProcess);
        lab.report.raw("stall", Mlx4jArm.NAME, "step, ms", steps);
        Interval chunk = Statistics.median95(chunks);
        lab.report.measured(Limit.STALL, Statistics.median95(Statistics.ratios(longest, inProcess)), trials, about);
        lab.report.measured(Limit.CHUNK, chunk, trials, about);
    }

    private static void row(Table table, String what, double[] ms, String note) {
        table.row(
                what,
                Interval.number(Statistics.median(ms)),
                Interval.number(Arrays.stream(ms).max().orElseThrow()),
                ms.length,
                note);
    }

    private static Trial trial(Lab lab, String decoder, String prompt) {
        List<Long> arrivals = new ArrayList<>();
        AtomicLong first = new AtomicLong(Long.MAX_VALUE);
        GenerationStream neighbour = null;
        try (GenerationStream stream = lab.mlx4j.stream(Mlx4jArm.request(decoder, 2000))) {
            Iterator<GenerationEvent> events = stream.iterator();
            while (events.hasNext() && first.get() > System.nanoTime()) {
                events.next();
                arrivals.add(System.nanoTime());
                if (arrivals.size() == UNDISTURBED) {
                    neighbour = lab.mlx4j.stream(Mlx4jArm.request(prompt, 4));
                    firstToken(neighbour, first);
                }
            }
        } finally {
            if (neighbour != null) {
                neighbour.close();
            }
        }
        if (first.get() == Long.MAX_VALUE) {
            throw new IllegalStateException("the decoder's answer ended before its neighbour's began");
        }
        double[] gaps = new double[arrivals.size() - 1];
        Arrays.setAll(gaps, i -> (arrivals.get(i + 1) - arrivals.get(i)) / 1e6);
        return new Trial(
                Statistics.median(Arrays.copyOf(gaps, UNDISTURBED - 1)),
                Arrays.stream(gaps).skip(UNDISTURBED - 1).max().orElseThrow());
    }

    private static void firstToken(GenerationStream stream, AtomicLong first) {
        Iterator<GenerationEvent> events = stream.iterator();
        Thread reader = new Thread(
                () -> {
                    events.next();
                    first.set(System.nanoTime());
                },
                "bench-neighbour");
        reader.setDaemon(true);
        reader.start();
    }

    /**
     * What a worker told of a prefill.
     *
     * @param done after how many tokens it told
     * @param at when, in ns
     */
    record Told(List<Integer> done, List<Long> at) {

        /** The tokens of the longest chunk. A message may be left out, so a step that is about double counts not. */
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

        /** The time of a chunk, in ms. */
        double ms() {
            return Statistics.median(IntStream.range(1, at.size())
                    .mapToDouble(i -> (at.get(i) - at.get(i - 1)) / 1e6)
                    .toArray());
        }
    }

    /** How a worker prefills a long prompt: alone, and then beside a decoder. */
    private static List<Told> chunks(Lab lab) throws Exception {
        WorkerClient worker = WorkerClient.start(
                new WorkerLaunch(ProviderKind.MLX, lab.python, new BundledScripts("mlx_worker.py"), Map.of()));
        try {
            worker.hello().get(1, TimeUnit.MINUTES);
            Map<String, ?> model = Map.of("protocol", Map.of("major", 1), "model", Map.of("source", lab.model));
            call(worker, "initialize", model).get(5, TimeUnit.MINUTES);
            List<Told> told = new ArrayList<>();
            for (boolean beside : new boolean[] {false, false, true, true}) { // of each, the first one learns
                if (beside) {
                    call(worker, "generate", Map.of("prompt", lab.prompts.fresh(30), "maxTokens", 1000));
                }
                Map<String, ?> params = Map.of("prompt", lab.prompts.fresh(2 * LONG), "maxTokens", 1);
                told.add(call(worker, "generate", params).get(5, TimeUnit.MINUTES));
            }
            return List.of(told.get(1), told.get(3));
        } finally {
            worker.close();
        }
    }

    /** What a call's progress messages tell, once it is answered. */
    private static CompletableFuture<Told> call(WorkerClient worker, String method, Map<String, ?> params) {
        Told told = new Told(new ArrayList<>(), new ArrayList<>());
        CompletableFuture<Told> answer = new CompletableFuture<>();
        worker.call(method, params, new Reply() {
            @Override
            public void notified(String what, JsonNode message) {
                if (what.equals("progress")) {
                    told.done.add(message.get("done").asInt());
                    told.at.add(System.nanoTime());
                }
            }

            @Override
            public void answered(JsonNode result) {
                answer.complete(told);
            }

            @Override
            public void failed(Mlx4jException error) {
                answer.completeExceptionally(error);
            }
        });
        return answer;
    }
}
