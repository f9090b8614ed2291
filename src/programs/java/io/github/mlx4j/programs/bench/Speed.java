package io.github.mlx4j.programs.bench;

import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Measures throughput, time to first token and time per token of every arm with 1 to 16 callers. */
final class Speed implements Scenario {

    private static final int SHORT = 30;
    private static final int LONG = 1200;

    /**
     * A combination of prompt length and number of callers. The last two arguments are the number of blocks of two
     * pairs, for a quick and for a full run.
     */
    private enum Cell {
        SHORT_1("short", SHORT, 1, 120, 20, 60),
        SHORT_4("short", SHORT, 4, 96, 4, 12),
        SHORT_8("short", SHORT, 8, 96, 6, 15),
        SHORT_16("short", SHORT, 16, 96, 4, 12),
        LONG_1("long", LONG, 1, 64, 2, 12),
        LONG_4("long", LONG, 4, 64, 1, 5),
        LONG_8("long", LONG, 8, 64, 0, 3),
        LONG_16("long", LONG, 16, 64, 0, 2);

        final String kind;
        final int promptTokens;
        final int callers;
        final int maxTokens;
        final int quick;
        final int full;

        Cell(String kind, int promptTokens, int callers, int maxTokens, int quick, int full) {
            this.kind = kind;
            this.promptTokens = promptTokens;
            this.callers = callers;
            this.maxTokens = maxTokens;
            this.quick = quick;
            this.full = full;
        }

        /**
         * Returns the rate to compare: a single caller's by its time per token, concurrent callers' by their total
         * throughput.
         */
        double rate(Round round) {
            return callers == 1 ? 1000 / round.perTokenMs() : round.tokensPerSecond();
        }

        String words() {
            return "%s, %d caller%s".formatted(kind, callers, callers == 1 ? "" : "s");
        }
    }

    private final Map<Cell, List<Map<Arm, Round>>> found = new LinkedHashMap<>();
    private final Chart.Intervals ratios = new Chart.Intervals("mlx4j's speed, divided by other ways'", "ratio");

    @Override
    public void run(Lab lab) {
        Table table = lab.report.table(
                "Speed",
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
        for (Cell cell : Cell.values()) {
            int blocks = lab.count(cell.quick, cell.full);
            if (blocks > 0) {
                List<Arm> arms = lab.arms(cell.callers);
                lab.pairs(arms, 1, cell.callers, SHORT, 8); // so that no arm starts cold
                found.put(cell, lab.pairs(arms, blocks, cell.callers, cell.promptTokens, cell.maxTokens));
                rows(lab, table, cell);
            }
        }
        limits(lab);
        charts(lab);
    }

    private void rows(Lab lab, Table table, Cell cell) {
        Arm base = cell.callers == 1 ? lab.alone : lab.together;
        List<Map<Arm, Round>> pairs = found.get(cell);
        for (Arm arm : lab.arms(cell.callers)) {
            List<Round> rounds = rounds(pairs, arm);
            List<Answer> whole =
                    rounds.stream().flatMap(round -> round.whole().stream()).toList();
            int lost = rounds.stream().mapToInt(Round::lost).sum();
            lab.report.raw("speed, " + cell.words(), arm.name(), "tokens/s", each(rounds, Round::tokensPerSecond));
            lab.report.raw("speed, " + cell.words(), arm.name(), "TTFT, ms", of(whole, Answer::firstMs));
            lab.report.raw("speed, " + cell.words(), arm.name(), "TPOT, ms", of(whole, Answer::perTokenMs));
            if (whole.isEmpty()) {
                table.row(cell.kind, cell.callers, arm.name(), "", "", "", "", "", 0, "all " + lost + " lost");
                continue;
            }
            double[] gaps = whole.stream()
                    .flatMapToDouble(answer -> DoubleStream.of(answer.gapsMs()))
                    .toArray();
            Interval ratio = ratio(cell, arm, base);
            table.row(
                    cell.kind,
                    cell.callers,
                    arm.name(),
                    Interval.number(Statistics.median(each(rounds, Round::tokensPerSecond))),
                    Interval.number(Statistics.median(of(whole, Answer::firstMs))),
                    Interval.number(Statistics.median(of(whole, Answer::perTokenMs))),
                    spread(gaps),
                    arm == base || ratio == null || !arm.sameModel() ? "" : ratio,
                    pairs.size(),
                    note(cell, arm, base, lost));
        }
    }

    /** Returns the median and, if there are enough values, the 99th percentile. */
    static String spread(double[] values) {
        return "%s / %s (%d)"
                .formatted(
                        Interval.number(Statistics.median(values)),
                        values.length < 100 ? "–" : Interval.number(Statistics.percentile(values, 0.99)),
                        values.length);
    }

    private String note(Cell cell, Arm arm, Arm base, int lost) {
        long differing = answered(cell, arm, base).stream()
                .filter(pair -> arm.sameModel())
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
        limit(lab, Limit.DECODE_1, Cell.SHORT_1, lab.alone);
        limit(lab, Limit.TOGETHER_8, Cell.SHORT_8, lab.together);
        limit(lab, Limit.TOGETHER_16, Cell.SHORT_16, lab.together);
        Arm server = lab.arm(ServerArm.NAME);
        limit(lab, Limit.SERVER_1, Cell.SHORT_1, server);
        limit(lab, Limit.SERVER_4, Cell.SHORT_4, server);
        limit(lab, Limit.SERVER_8, Cell.SHORT_8, server);
        limit(lab, Limit.SERVER_16, Cell.SHORT_16, server);
        ofItsOwn(lab, Limit.ALONE_8, Cell.SHORT_8);
        ofItsOwn(lab, Limit.ALONE_16, Cell.SHORT_16);
        List<Map<Arm, Round>> pairs = answered(Cell.SHORT_1, lab.mlx4j, lab.alone);
        if (!pairs.isEmpty()) {
            double[] inProcess = each(rounds(pairs, lab.alone), Round::firstMs);
            double[] added = each(rounds(pairs, lab.mlx4j), Round::firstMs);
            Arrays.setAll(added, i -> added[i] - 1.01 * inProcess[i]);
            String note = "in process %s ms".formatted(Interval.number(Statistics.median(inProcess)));
            lab.report.measured(Limit.ADDED_FIRST, Statistics.median95(added), added.length, note);
        }
        if (server != null && !answered(Cell.SHORT_1, lab.mlx4j, server).isEmpty()) {
            pairs = answered(Cell.SHORT_1, lab.mlx4j, server);
            double[] ratio = Statistics.ratios(
                    each(rounds(pairs, lab.mlx4j), Round::firstMs), each(rounds(pairs, server), Round::firstMs));
            lab.report.measured(Limit.SERVER_FIRST, Statistics.median95(ratio), ratio.length, "");
        }
    }

    /**
     * Measures the throughput of concurrent callers relative to a single caller. The rounds are not paired, because the
     * two did not alternate.
     */
    private void ofItsOwn(Lab lab, Limit limit, Cell cell) {
        List<Round> one = rounds(answered(Cell.SHORT_1, lab.mlx4j, lab.mlx4j), lab.mlx4j);
        List<Round> many = rounds(answered(cell, lab.mlx4j, lab.mlx4j), lab.mlx4j);
        if (!one.isEmpty() && !many.isEmpty()) {
            double own = Statistics.median(each(one, Round::tokensPerSecond));
            Interval ratio = Statistics.median95(each(many, round -> round.tokensPerSecond() / own));
            lab.report.measured(limit, ratio, many.size(), "of the median with 1 caller");
        }
    }

    private void limit(Lab lab, Limit limit, Cell cell, @Nullable Arm base) {
        if (base == null) {
            return;
        }
        Interval ratio = ratio(cell, lab.mlx4j, base);
        if (ratio != null) {
            lab.report.measured(limit, ratio, answered(cell, lab.mlx4j, base).size(), "");
            ratios.add("%s: %s".formatted(base.name(), cell.words()), ratio, limit.value);
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

    /** Returns the pairs in which both arms have at least one answer. */
    private List<Map<Arm, Round>> answered(Cell cell, Arm one, Arm other) {
        return found.get(cell).stream()
                .filter(pair -> rounds(List.of(pair), one).stream().anyMatch(Round::anyWhole))
                .filter(pair -> rounds(List.of(pair), other).stream().anyMatch(Round::anyWhole))
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
        lab.report.chart(
                "throughput",
                bars(
                        lab,
                        "short",
                        "Throughput, short prompts",
                        "tokens per second",
                        rounds -> Statistics.median(each(rounds, Round::tokensPerSecond))));
        for (String kind : List.of("short", "long")) {
            lab.report.chart(
                    "ttft-" + kind,
                    bars(
                            lab,
                            kind,
                            "Time to first token, " + kind + " prompts",
                            "ms (median caller)",
                            rounds -> Statistics.median(each(rounds, Round::firstMs))));
        }
        lab.report.chart("ratios", ratios.svg());
        Costs costs = Costs.byCallers();
        found.forEach((cell, pairs) -> {
            if (cell.kind.equals("short")) {
                for (Arm arm : lab.arms(cell.callers)) {
                    double[] rates = each(rounds(answered(cell, arm, arm), arm), Round::tokensPerSecond);
                    if (rates.length > 0) {
                        costs.add(arm.name(), cell.callers, 1000 / Statistics.median(rates));
                    }
                }
            }
        });
        costs.scaling(lab.report);
        lab.report.chart("cost-callers", costs.svg());
    }

    private String bars(Lab lab, String kind, String title, String unit, Function<List<Round>, Double> value) {
        Chart.Bars chart = new Chart.Bars(title, unit);
        found.keySet().forEach(cell -> {
            if (cell.kind.equals(kind)) {
                for (Arm arm : lab.arms(cell.callers)) {
                    List<Round> rounds = rounds(answered(cell, arm, arm), arm);
                    if (!rounds.isEmpty()) {
                        chart.add(
                                cell.callers + (cell.callers == 1 ? " caller" : " callers"),
                                arm.name(),
                                value.apply(rounds));
                    }
                }
            }
        });
        return chart.svg();
    }
}
