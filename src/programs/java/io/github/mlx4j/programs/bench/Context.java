package io.github.mlx4j.programs.bench;

import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.List;
import java.util.Map;

/** Measures the time per token of one caller after prompts of different lengths. */
final class Context implements Scenario {

    private static final int TOKENS = 96;
    private static final int LONGEST = 3500;
    private static final int[] LENGTHS = {100, 500, 1000, 2000, LONGEST};

    @Override
    public void run(Lab lab) {
        Table table = lab.table(
                "Time per token by length of the context",
                "tokens of context",
                lab.alone.name() + ", ms",
                "mlx4j, ms",
                "mlx4j's of in-process [95%]",
                "pairs");
        Costs costs = Costs.byContext();
        List<Arm> arms = List.of(lab.alone, lab.mlx4j);
        for (int length : LENGTHS) {
            int blocks = length == LONGEST ? lab.count(2, 6) : lab.count(1, 2);
            List<Map<Arm, Round>> pairs = lab.pairs(arms, blocks, lab.greedy(1, length, TOKENS)).stream()
                    .filter(pair -> pair.values().stream()
                                    .filter(Round::hasTimePerToken)
                                    .count()
                            == arms.size())
                    .toList();
            if (pairs.isEmpty()) {
                throw new IllegalStateException(
                        "no answer of several tokens to a prompt of %d tokens".formatted(length));
            }
            double[] inProcess = Round.each(pairs, lab.alone, Round::perTokenMs);
            double[] mlx4j = Round.each(pairs, lab.mlx4j, Round::perTokenMs);
            Interval ratio = Statistics.median95(Statistics.ratios(mlx4j, inProcess));
            table.row(
                    length,
                    Interval.number(Statistics.median(inProcess)),
                    Interval.number(Statistics.median(mlx4j)),
                    ratio,
                    pairs.size());
            costs.add(lab.alone.name(), length, Statistics.median(inProcess));
            costs.add(Mlx4jArm.NAME, length, Statistics.median(mlx4j));
            lab.raw("context, " + length, lab.alone.name(), "TPOT, ms", inProcess);
            lab.raw("context, " + length, Mlx4jArm.NAME, "TPOT, ms", mlx4j);
            if (length == LONGEST) {
                lab.measured(Limit.CONTEXT, ratio, pairs.size(), "");
            }
        }
        lab.chart("cost-context", costs.svg());
    }
}
