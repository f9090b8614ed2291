package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Measures throughput, time to first token and time per token of every arm, with 1 to 64 callers that send requests of
 * equal length at the same moment.
 */
final class Speed implements Scenario {

    private static final int SHORT = 30;
    private static final int LONG = 1200;
    private static final List<String> DECODING = List.of("greedy", "sampled", "different samplers");

    /**
     * What is measured together.
     *
     * @param decoding one of {@link #DECODING}
     * @param prompts "short" or "long"
     * @param callers the number of callers
     * @param maxTokens the length of an answer
     * @param quick the number of blocks of two pairs in a quick run
     * @param full the same in a full run
     */
    private record Cell(String decoding, String prompts, int callers, int maxTokens, int quick, int full) {

        /**
         * Returns the rate to compare: a single caller's by its time per token, concurrent callers' by their total
         * throughput.
         */
        double rate(Round round) {
            return callers == 1 ? 1000 / round.perTokenMs() : round.tokensPerSecond();
        }

        Sampling sampling(int caller) {
            return switch (DECODING.indexOf(decoding)) {
                case 0 -> Sampling.GREEDY;
                case 1 -> Sampling.SAMPLED;
                default -> Sampling.different(caller);
            };
        }

        String words() {
            return "%s, %s prompts, %d caller%s".formatted(decoding, prompts, callers, callers == 1 ? "" : "s");
        }

        boolean isShort() {
            return prompts.equals("short");
        }
    }

    private static final Cell ONE = new Cell("greedy", "short", 1, 120, 12, 30);
    private static final Cell ONE_SAMPLED = new Cell("sampled", "short", 1, 120, 12, 30);
    private static final Cell EIGHT = new Cell("greedy", "short", 8, 96, 3, 10);
    private static final Cell EIGHT_SAMPLED = new Cell("sampled", "short", 8, 96, 3, 10);
    private static final Cell SIXTEEN = new Cell("greedy", "short", 16, 96, 3, 8);
    private static final Cell SIXTEEN_SAMPLED = new Cell("sampled", "short", 16, 96, 3, 8);
    private static final Cell SIXTEEN_DIFFERENT = new Cell("different samplers", "short", 16, 96, 3, 8);
    private static final List<Cell> CELLS = List.of(
            ONE,
            ONE_SAMPLED,
            new Cell("greedy", "short", 2, 96, 0, 4),
            new Cell("greedy", "short", 4, 96, 0, 4),
            EIGHT,
            EIGHT_SAMPLED,
            SIXTEEN,
            SIXTEEN_SAMPLED,
            SIXTEEN_DIFFERENT,
            new Cell("greedy", "short", 32, 64, 0, 2),
            new Cell("greedy", "short", 64, 64, 0, 2),
            new Cell("greedy", "long", 1, 64, 0, 4),
            new Cell("greedy", "long", 4, 64, 0, 2));

    private final Map<Cell, List<Map<Arm, Round>>> found = new LinkedHashMap<>();

    @Override
    public void run(Lab lab) {
        found.clear();
        Table table = lab.table(
                "Speed",
                "decoding",
                "prompts",
                "callers",
                "arm",
                "tokens/s",
                "TTFT p50, ms",
                "TPOT p50, ms",
                "gap p50 / p99, ms (n)",
                "of in-process [95%]",
                "pairs",
                "note");
        for (Cell cell : CELLS) {
            int blocks = lab.count(cell.quick, cell.full);
            List<Arm> arms = arms(lab, cell);
            if (blocks > 0 && arms.size() > 1) {
                int promptTokens = cell.isShort() ? SHORT : LONG;
                lab.pairs(arms, 1, asking(lab, cell, promptTokens, 8)); // so that no arm starts cold
                found.put(cell, lab.pairs(arms, blocks, asking(lab, cell, promptTokens, cell.maxTokens)));
                rows(lab, table, cell);
            }
        }
        limits(lab);
        charts(lab);
    }

    /** Returns the arms to measure; a padded batch of transformers has one sampler. */
    private static List<Arm> arms(Lab lab, Cell cell) {
        boolean impossible = cell.equals(SIXTEEN_DIFFERENT) && lab.engine == ProviderKind.HF;
        return impossible ? List.of() : lab.arms(cell.callers, cell.sampling(0));
    }

    private static Lab.Asking asking(Lab lab, Cell cell, int promptTokens, int maxTokens) {
        return () -> {
            List<String> asked = lab.prompts.fresh(promptTokens, cell.callers);
            return IntStream.range(0, cell.callers)
                    .mapToObj(i -> new Request(asked.get(i), maxTokens, cell.sampling(i), 0))
                    .toList();
        };
    }

    private void rows(Lab lab, Table table, Cell cell) {
        Arm base = cell.callers == 1 ? lab.alone : lab.together;
        List<Map<Arm, Round>> pairs = found.get(cell);
        for (Arm arm : arms(lab, cell)) {
            List<Round> rounds = rounds(pairs, arm);
            List<Answer> whole =
                    rounds.stream().flatMap(round -> round.whole().stream()).toList();
            double[] perToken =
                    of(whole.stream().filter(Answer::hasTimePerToken).toList(), Answer::perTokenMs);
            int lost = rounds.stream().mapToInt(Round::lost).sum();
            lab.raw("speed, " + cell.words(), arm.name(), "tokens/s", each(rounds, Round::tokensPerSecond));
            lab.raw("speed, " + cell.words(), arm.name(), "TTFT, ms", of(whole, Answer::firstMs));
            lab.raw("speed, " + cell.words(), arm.name(), "TPOT, ms", perToken);
            if (perToken.length == 0) {
                table.row(
                        cell.decoding,
                        cell.prompts,
                        cell.callers,
                        arm.name(),
                        "",
                        "",
                        "",
                        "",
                        "",
                        0,
                        lost + " answers lost, none of several tokens");
                continue;
            }
            double[] gaps = whole.stream()
                    .flatMapToDouble(answer -> DoubleStream.of(answer.gapsMs()))
                    .toArray();
            Interval ratio = ratio(cell, arm, base);
            table.row(
                    cell.decoding,
                    cell.prompts,
                    cell.callers,
                    arm.name(),
                    Interval.number(Statistics.median(each(rounds, Round::tokensPerSecond))),
                    Interval.number(Statistics.median(of(whole, Answer::firstMs))),
                    Interval.number(Statistics.median(perToken)),
                    spread(gaps),
                    arm == base || ratio == null || !arm.sameModel() ? "" : ratio,
                    answered(cell, arm, base).size(),
                    note(cell, arm, base, lost));
        }
    }

    /** Returns the median and, if there are enough values, the 99th percentile. */
    static String spread(double[] values) {
        return values.length == 0
                ? ""
                : "%s / %s (%d)"
                        .formatted(
                                Interval.number(Statistics.median(values)),
                                values.length < 100 ? "–" : Interval.number(Statistics.percentile(values, 0.99)),
                                values.length);
    }

    private String note(Cell cell, Arm arm, Arm base, int lost) {
        long differing = answered(cell, arm, base).stream()
                .filter(pair -> arm.sameModel() && cell.sampling(0).isGreedy())
                .filter(pair -> pair.get(arm).lost() + pair.get(base).lost() == 0)
                .filter(pair -> {
                    List<Answer> wanted = pair.get(base).answers();
                    List<Answer> got = pair.get(arm).answers();
                    return IntStream.range(0, wanted.size())
                            .anyMatch(i -> !wanted.get(i).sameAs(got.get(i)));
                })
                .count();
        return Stream.of(
                        lost > 0 ? lost + " answers lost" : "",
                        differing > 0 ? differing + " pairs with other text" : "")
                .filter(part -> !part.isEmpty())
                .collect(Collectors.joining(", "));
    }

    private void limits(Lab lab) {
        limit(lab, Limit.ONE, ONE, lab.alone);
        limit(lab, Limit.ONE_SAMPLED, ONE_SAMPLED, lab.alone);
        limit(lab, Limit.EIGHT, EIGHT, lab.together);
        limit(lab, Limit.EIGHT_SAMPLED, EIGHT_SAMPLED, lab.together);
        limit(lab, Limit.SIXTEEN, SIXTEEN, lab.together);
        limit(lab, Limit.SIXTEEN_SAMPLED, SIXTEEN_SAMPLED, lab.together);
        limit(lab, Limit.SIXTEEN_DIFFERENT, SIXTEEN_DIFFERENT, lab.together);
        Arm server = lab.server();
        limit(lab, Limit.SERVER_1, ONE, server);
        limit(lab, Limit.SERVER_8, EIGHT, server);
        limit(lab, Limit.SERVER_16, SIXTEEN, server);
        ofItsOwn(lab, Limit.OWN_8, EIGHT);
        ofItsOwn(lab, Limit.OWN_16, SIXTEEN);
        List<Map<Arm, Round>> pairs = answered(ONE, lab.mlx4j, lab.alone);
        if (!pairs.isEmpty()) {
            double[] inProcess = each(rounds(pairs, lab.alone), Round::firstMs);
            double[] added = each(rounds(pairs, lab.mlx4j), Round::firstMs);
            Arrays.setAll(added, i -> added[i] - 1.01 * inProcess[i]);
            String note = "in process %s ms".formatted(Interval.number(Statistics.median(inProcess)));
            lab.measured(Limit.ADDED_FIRST, Statistics.median95(added), added.length, note);
        }
        if (server != null && !answered(ONE, lab.mlx4j, server).isEmpty()) {
            pairs = answered(ONE, lab.mlx4j, server);
            double[] ratio = Statistics.ratios(
                    each(rounds(pairs, lab.mlx4j), Round::firstMs), each(rounds(pairs, server), Round::firstMs));
            lab.measured(Limit.SERVER_FIRST, Statistics.median95(ratio), ratio.length, "");
        }
    }

    /**
     * Measures the throughput of concurrent callers relative to a single caller. The rounds are not paired, because the
     * two did not alternate.
     */
    private void ofItsOwn(Lab lab, Limit limit, Cell cell) {
        List<Round> one = rounds(answered(ONE, lab.mlx4j, lab.mlx4j), lab.mlx4j);
        List<Round> many = rounds(answered(cell, lab.mlx4j, lab.mlx4j), lab.mlx4j);
        if (!one.isEmpty() && !many.isEmpty()) {
            double own = Statistics.median(each(one, Round::tokensPerSecond));
            Interval ratio = Statistics.median95(each(many, round -> round.tokensPerSecond() / own));
            lab.measured(limit, ratio, many.size(), "of the median with 1 caller");
        }
    }

    private void limit(Lab lab, Limit limit, Cell cell, @Nullable Arm base) {
        if (base == null || !found.containsKey(cell)) {
            return;
        }
        Interval ratio = ratio(cell, lab.mlx4j, base);
        if (ratio != null) {
            lab.measured(limit, ratio, answered(cell, lab.mlx4j, base).size(), "");
        }
    }

    /** Returns an arm's rate relative to another arm's, or {@code null} if one of them has none. */
    private @Nullable Interval ratio(Cell cell, Arm arm, Arm base) {
        List<Map<Arm, Round>> pairs = answered(cell, arm, base);
        return pairs.isEmpty()
                ? null
                : Statistics.median95(
                        Statistics.ratios(each(rounds(pairs, arm), cell::rate), each(rounds(pairs, base), cell::rate)));
    }

    /** Returns the pairs in which both arms have at least one answer of several tokens. */
    private List<Map<Arm, Round>> answered(Cell cell, Arm one, Arm other) {
        return found.getOrDefault(cell, List.of()).stream()
                .filter(pair -> rounds(List.of(pair), one).stream().anyMatch(Round::hasTimePerToken))
                .filter(pair -> rounds(List.of(pair), other).stream().anyMatch(Round::hasTimePerToken))
                .toList();
    }

    private static List<Round> rounds(List<Map<Arm, Round>> pairs, Arm arm) {
        return pairs.stream()
                .filter(pair -> pair.containsKey(arm))
                .map(pair -> pair.get(arm))
                .toList();
    }

    private static double[] each(List<Round> rounds, ToDoubleFunction<Round> value) {
        return rounds.stream().mapToDouble(value).toArray();
    }

    private static double[] of(List<Answer> answers, ToDoubleFunction<Answer> value) {
        return answers.stream().mapToDouble(value).toArray();
    }

    private void charts(Lab lab) {
        for (String prompts : List.of("short", "long")) {
            Chart.Bars chart = new Chart.Bars("Time to first token, " + prompts + " prompts", "ms (median caller)");
            each(lab, prompts, (cell, arm, rounds) -> {
                String callers = cell.callers + (cell.callers == 1 ? " caller" : " callers");
                chart.add(callers, arm.name(), Statistics.median(each(rounds, Round::firstMs)));
            });
            lab.chart("ttft-" + prompts, chart.svg());
        }
        Costs costs = Costs.byCallers();
        each(lab, "short", (cell, arm, rounds) -> {
            double rate = Statistics.median(each(rounds, Round::tokensPerSecond));
            costs.add(arm.name(), cell.callers, 1000 / rate);
        });
        costs.scaling(lab.report, lab.engine.id());
        lab.chart("cost-callers", costs.svg());
    }

    /** A value of an arm's rounds in a cell. */
    private interface Drawing {
        void draw(Cell cell, Arm arm, List<Round> rounds);
    }

    /** Passes on the greedy rounds with prompts of this length. */
    private void each(Lab lab, String prompts, Drawing drawing) {
        found.keySet().forEach(cell -> {
            if (cell.prompts.equals(prompts) && cell.sampling(0).isGreedy()) {
                for (Arm arm : arms(lab, cell)) {
                    List<Round> rounds = rounds(answered(cell, arm, arm), arm);
                    if (!rounds.isEmpty()) {
                        drawing.draw(cell, arm, rounds);
                    }
                }
            }
        });
    }
}
