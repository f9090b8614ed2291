package io.github.mlx4j.programs.bench;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** Measures what options of a request cost: the time per token with and without them. */
final class OptionCosts implements Scenario {

    /** The shortest answer that matches this schema is longer than any requested here. */
    private static final String SCHEMA = """
            {"type": "array", "minItems": 500, "items": {"type": "object", "required": ["name", "age", "colour"],
              "additionalProperties": false, "properties": {"name": {"type": "string", "maxLength": 12},
              "age": {"type": "integer", "minimum": 0, "maximum": 120}, "colour": {"enum": ["red", "green", "blue"]}}}}""";

    private static final String PARAMETERS = """
            {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}""";

    private static final int TOKENS = 96;

    @Override
    public void run(Lab lab) throws IOException {
        if (!lab.options.isFixture()) {
            run(lab, lab.mlx4j);
            return;
        }
        try (Mlx4jArm mlx4j = lab.withTools()) {
            run(lab, mlx4j);
        }
    }

    private static void run(Lab lab, Mlx4jArm mlx4j) {
        Table table = lab.table(
                "Cost of options",
                "option",
                "requests with it",
                "without, ms per token",
                "with, ms per token",
                "speed relative to without [95%]",
                "pairs");
        UnaryOperator<GenerationRequest> schema = request -> request.toBuilder()
                .responseFormat(ResponseFormat.jsonSchema(SCHEMA))
                .build();
        UnaryOperator<GenerationRequest> stop = request -> request.toBuilder()
                .stop("</answer>", "\n\nUser:", "§§", "<|end|>") // none of which occurs
                .build();
        UnaryOperator<GenerationRequest> tools = request -> request.toBuilder()
                .tools(new ToolSpec("weather", "Returns the weather of a city.", PARAMETERS))
                .build();
        int one = lab.count(6, 15);
        int eight = lab.count(2, 6);
        cell(lab, mlx4j, table, "schema", 1, i -> true, one, schema, Limit.SCHEMA_ALONE);
        cell(lab, mlx4j, table, "schema", 8, i -> true, eight, schema, Limit.SCHEMA_ALL);
        cell(lab, mlx4j, table, "schema", 8, i -> i == 0, eight, schema, Limit.SCHEMA_ONE);
        cell(lab, mlx4j, table, "4 stop strings", 1, i -> true, one, stop, Limit.STOP_ALONE);
        cell(lab, mlx4j, table, "4 stop strings", 8, i -> true, eight, stop, Limit.STOP_ALL);
        cell(lab, mlx4j, table, "1 tool", 1, i -> true, one, tools, Limit.TOOLS_ALONE);
        cell(lab, mlx4j, table, "1 tool", 8, i -> true, eight, tools, Limit.TOOLS_ALL);
    }

    private static void cell(
            Lab lab,
            Mlx4jArm mlx4j,
            Table table,
            String option,
            int callers,
            IntPredicate which,
            int blocks,
            UnaryOperator<GenerationRequest> change,
            Limit limit) {
        List<Double> plain = new ArrayList<>();
        List<Double> changed = new ArrayList<>();
        for (int block = -1; block < blocks; block++) { // the first block is a warm-up
            boolean first = lab.random.nextBoolean();
            for (boolean with : new boolean[] {first, !first, !first, first}) {
                double ms = ask(lab, mlx4j, callers, with ? which : i -> false, change);
                if (block >= 0) {
                    (with ? changed : plain).add(ms);
                }
            }
        }
        double[] without = plain.stream().mapToDouble(Double::doubleValue).toArray();
        double[] with = changed.stream().mapToDouble(Double::doubleValue).toArray();
        Interval ratio = Statistics.median95(Statistics.ratios(without, with));
        String who = callers == 1 ? "alone" : which.test(1) ? "all of " + callers : "1 of " + callers;
        table.row(
                option,
                who,
                Interval.number(Statistics.median(without)),
                Interval.number(Statistics.median(with)),
                ratio,
                with.length);
        lab.raw("options, %s, %s".formatted(option, who), Mlx4jArm.NAME, "without, ms per token", without);
        lab.raw("options, %s, %s".formatted(option, who), Mlx4jArm.NAME, "with, ms per token", with);
        lab.measured(limit, ratio, with.length, "");
    }

    private static double ask(
            Lab lab, Mlx4jArm mlx4j, int callers, IntPredicate which, UnaryOperator<GenerationRequest> change) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            GenerationRequest request = GenerationRequest.chat(lab.prompts.message(30)).toBuilder()
                    .temperature(0)
                    .maxTokens(TOKENS)
                    .build();
            requests.add(which.test(i) ? change.apply(request) : request);
        }
        Round round = mlx4j.send(requests);
        for (Answer answer : round.answers()) {
            if (!answer.isWhole() || answer.count() != TOKENS && lab.options.isFixture()) {
                throw new IllegalStateException(
                        "an answer has %d tokens, not %d: %s".formatted(answer.count(), TOKENS, answer.lost()));
            }
        }
        return round.perTokenMs();
    }
}
