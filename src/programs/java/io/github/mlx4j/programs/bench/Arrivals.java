package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.ToDoubleFunction;

/**
 * Measures throughput and response times when requests of different lengths arrive over time, as a Poisson process, and
 * at most 16 of them are answered at once.
 */
final class Arrivals implements Scenario {

    private static final int REQUESTS = 32;
    private static final int MAX_PROMPT_TOKENS = 100;
    private static final int[] ANSWER_TOKENS = {16, 32, 64, 128, 256}; // equally frequent

    @Override
    public void run(Lab lab) {
        Table table = lab.table(
                "%d requests that arrive over time, from %d callers".formatted(REQUESTS, Arm.CALLERS),
                "arm",
                "tokens/s",
                "time to first token p50 / p99, ms (n)",
                "time to the end p50 / p99, ms (n)",
                "tokens/s of in-process [95%]",
                "pairs");
        List<Arm> arms = List.of(lab.together, lab.mlx4j);
        lab.pairs(arms, 1, lab.greedy(Arm.CALLERS, 30, 8)); // so that no arm starts cold
        double meanMs = lab.engine == ProviderKind.MLX ? 100 : 20; // faster than they are answered
        Lab.Asking asking = () -> requests(lab.prompts::fresh, lab.random, meanMs);
        List<Map<Arm, Round>> pairs = lab.pairs(arms, lab.count(2, 6), asking).stream()
                .filter(pair -> pair.values().stream()
                                .filter(round -> round.lost() == 0)
                                .count()
                        == arms.size())
                .toList();
        if (pairs.isEmpty()) {
            throw new IllegalStateException("an answer was lost in each pair");
        }
        double[] base = Round.each(pairs, lab.together, Round::tokensPerSecond);
        for (Arm arm : arms) {
            double[] rates = Round.each(pairs, arm, Round::tokensPerSecond);
            Interval ratio = Statistics.median95(Statistics.ratios(rates, base));
            table.row(
                    arm.name(),
                    Interval.number(Statistics.median(rates)),
                    Speed.spread(answers(pairs, arm, Answer::firstMs)),
                    Speed.spread(answers(pairs, arm, answer -> answer.end() / 1e6)),
                    arm == lab.together ? "" : ratio,
                    pairs.size());
            lab.raw("arrivals", arm.name(), "tokens/s", rates);
            if (arm == lab.mlx4j) {
                String note = "a request every %s ms on average".formatted(Interval.number(meanMs));
                lab.measured(Limit.ARRIVALS, ratio, rates.length, note);
            }
        }
    }

    /** Returns requests of random lengths, with exponentially distributed times between their arrivals. */
    static List<Request> requests(IntFunction<String> prompts, Random random, double meanMs) {
        List<Request> requests = new ArrayList<>();
        double atMs = 0;
        for (int i = 0; i < REQUESTS; i++) {
            atMs += -meanMs * Math.log(1 - random.nextDouble());
            String prompt = prompts.apply(10 + random.nextInt(MAX_PROMPT_TOKENS));
            int tokens = ANSWER_TOKENS[random.nextInt(ANSWER_TOKENS.length)];
            requests.add(new Request(prompt, tokens, Sampling.GREEDY, Math.round(atMs)));
        }
        return requests;
    }

    private static double[] answers(List<Map<Arm, Round>> pairs, Arm arm, ToDoubleFunction<Answer> value) {
        return pairs.stream()
                .flatMapToDouble(pair -> Arrays.stream(
                        pair.get(arm).answers().stream().mapToDouble(value).toArray()))
                .toArray();
    }
}
