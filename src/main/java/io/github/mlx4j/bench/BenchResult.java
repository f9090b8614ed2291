package io.github.mlx4j.bench;

import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/**
 * The result of {@link ModelBench}.
 *
 * @param settings the settings of the benchmark
 * @param measured the providers that were measured, in the order in which they were specified
 * @param missing the providers that could not be measured, each with the reason
 */
public record BenchResult(BenchConfig settings, List<Measured> measured, Map<String, String> missing) {

    /** Copies the collections. */
    public BenchResult {
        measured = List.copyOf(measured);
        missing = Collections.unmodifiableMap(new LinkedHashMap<>(missing));
    }

    /**
     * The figures of a provider.
     *
     * @param name the provider
     * @param facts its model, device and versions
     * @param runs the figures of each run
     */
    public record Measured(String name, Map<String, String> facts, List<Map<Metric, Double>> runs) {

        /** Copies the collections. */
        public Measured {
            facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
            runs = List.copyOf(runs);
        }

        /** Summarizes each figure over the runs that have it. */
        public Map<Metric, MetricSummary> figures() {
            Map<Metric, MetricSummary> spreads = new EnumMap<>(Metric.class);
            for (Metric figure : Metric.values()) {
                double[] values = runs.stream()
                        .filter(run -> run.containsKey(figure))
                        .mapToDouble(run -> run.get(figure))
                        .toArray();
                if (values.length > 0) {
                    spreads.put(figure, MetricSummary.of(values));
                }
            }
            return spreads;
        }

        /** Divides each figure by the other provider's, run by run. Only runs that have both figures are used. */
        public Map<Metric, MetricSummary> over(Measured other) {
            Map<Metric, MetricSummary> ratios = new EnumMap<>(Metric.class);
            for (Metric figure : Metric.values()) {
                DoubleStream.Builder values = DoubleStream.builder();
                for (int run = 0; run < Math.min(runs.size(), other.runs.size()); run++) {
                    Double value = runs.get(run).get(figure);
                    Double base = other.runs.get(run).get(figure);
                    if (value != null && base != null && base > 0) {
                        values.add(value / base);
                    }
                }
                double[] found = values.build().toArray();
                if (found.length > 0) {
                    ratios.put(figure, MetricSummary.of(found));
                }
            }
            return ratios;
        }
    }
}
