package io.github.mlx4j.programs.bench;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Measures the cost of constrained decoding with a JSON schema: the time per token with and without it. */
final class Constrained implements Scenario {

    /** The shortest answer that matches this schema is longer than any requested here. */
    private static final String SCHEMA = """
            {"type": "array", "minItems": 500, "items": {"type": "object", "required": ["name", "age", "colour"],
              "additionalProperties": false, "properties": {"name": {"type": "string", "maxLength": 12},
              "age": {"type": "integer", "minimum": 0, "maximum": 120}, "colour": {"enum": ["red", "green", "blue"]}}}}""";

    private static final int TOKENS = 96;

    @Override
    public void run(Lab lab) {
        Table table = lab.report.table(
                "Held to a schema", "who", "free, ms per token", "with the schema, ms", "speed of free [95%]", "pairs");
        cell(lab, table, "alone", 1, i -> true, lab.count(10, 40), Limit.CONSTRAINED_ALONE);
        cell(lab, table, "all of 8", 8, i -> true, lab.count(4, 15), Limit.CONSTRAINED_ALL);
        cell(lab, table, "one of 8", 8, i -> i == 0, lab.count(4, 15), Limit.CONSTRAINED_ONE);
    }

    private static void cell(
            Lab lab, Table table, String who, int callers, IntPredicate held, int blocks, Limit limit) {
        List<Double> free = new ArrayList<>();
        List<Double> constrained = new ArrayList<>();
        for (int block = -1; block < blocks; block++) { // the first block is a warm-up
            boolean first = lab.random.nextBoolean();
            for (boolean schema : new boolean[] {first, !first, !first, first}) {
                double ms = ask(lab, callers, i -> schema && held.test(i));
                if (block >= 0) {
                    (schema ? constrained : free).add(ms);
                }
            }
        }
        double[] without = free.stream().mapToDouble(Double::doubleValue).toArray();
        double[] with = constrained.stream().mapToDouble(Double::doubleValue).toArray();
        Interval ratio = Statistics.median95(Statistics.ratios(without, with));
        table.row(
                who,
                Interval.number(Statistics.median(without)),
                Interval.number(Statistics.median(with)),
                ratio,
                with.length);
        lab.report.raw("constrained, " + who, Mlx4jArm.NAME, "free, ms per token", without);
        lab.report.raw("constrained, " + who, Mlx4jArm.NAME, "with the schema, ms per token", with);
        lab.report.measured(limit, ratio, with.length, "");
    }

    private static double ask(Lab lab, int callers, IntPredicate held) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (String prompt : lab.prompts.fresh(30, callers)) {
            GenerationRequest request = Mlx4jArm.request(prompt, TOKENS);
            requests.add(held.test(requests.size()) ? Mlx4jArm.constrained(request, SCHEMA) : request);
        }
        Round round = lab.mlx4j.ask(requests);
        for (Answer answer : round.answers()) {
            if (!answer.isWhole() || answer.count() != TOKENS && lab.options.isFixture()) {
                throw new IllegalStateException(
                        "an answer has %d tokens, not %d: %s".formatted(answer.count(), TOKENS, answer.lost()));
            }
        }
        return round.perTokenMs();
    }
}
