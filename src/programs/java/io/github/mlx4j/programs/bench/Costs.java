package io.github.mlx4j.programs.bench;

import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Interval;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The time per token of every arm, by context length or by number of callers. */
final class Costs {

    private final Chart.Lines chart;
    private final Map<String, TreeMap<Integer, Double>> arms = new LinkedHashMap<>();

    private Costs(Chart.Lines chart) {
        this.chart = chart;
    }

    /** Costs in milliseconds per token of a single caller, by tokens of context. */
    static Costs byContext() {
        return new Costs(
                new Chart.Lines("Cost of a token, by context length", "ms per token, by tokens of context").fromZero());
    }

    /** Costs in milliseconds per token of all callers together, prefill included, by number of callers. */
    static Costs byCallers() {
        return new Costs(
                new Chart.Lines("Cost of a token, by number of callers", "ms per token of all callers, by callers")
                        .fromZero()
                        .logarithmic());
    }

    /** Sets an arm's cost. */
    void add(String arm, int x, double msPerToken) {
        arms.computeIfAbsent(arm, name -> new TreeMap<>()).put(x, msPerToken);
    }

    /** Returns the chart as SVG. */
    String svg() {
        arms.forEach((arm, costs) -> costs.forEach((x, ms) -> chart.add(arm, x, ms)));
        return chart.svg();
    }

    /**
     * Adds a table of each arm's cost with one caller, and of its throughput with more callers relative to one caller.
     */
    void scaling(Report report, String engine) {
        List<Integer> callers = arms.values().stream()
                .flatMap(costs -> costs.keySet().stream())
                .filter(n -> n > 1)
                .distinct()
                .sorted()
                .toList();
        List<String> columns = new ArrayList<>(List.of("arm", "1 caller, ms per token"));
        callers.forEach(n -> columns.add(n + " callers"));
        Table table = report.table(
                engine + ": Scaling with callers (short prompts; tokens/s divided by those with 1 caller)",
                columns.toArray(String[]::new));
        arms.forEach((arm, costs) -> {
            Double one = costs.get(1);
            if (one != null) {
                List<String> row = new ArrayList<>(List.of(arm, Interval.number(one)));
                callers.forEach(n -> row.add(costs.containsKey(n) ? Interval.number(one / costs.get(n)) + "x" : ""));
                table.row(row.toArray());
            }
        });
    }
}
