package io.github.mlx4j.bench;

import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/**
 * What {@link ModelBench} found.
 *
 * @param settings what was run
 * @param measured the providers with figures, in the order in which they were named
 * @param missing the providers without, each with the reason
 */
public record BenchResult(BenchConfig settings, List<Measured> measured, Map<String, String> missing) {

    /** Takes immutable copies. */
    public BenchResult {
        measured = List.copyOf(measured);
        missing = Collections.unmodifiableMap(new LinkedHashMap<>(missing));
    }

    /**
     * A provider's figures.
     *
     * @param name the provider
     * @param facts what it was: model, device, versions
     * @param runs the figures of each run
     */
    public record Measured(String name, Map<String, String> facts, List<Map<Metric, Double>> runs) {

        /** Takes immutable copies. */
        public Measured {
            facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
            runs = List.copyOf(runs);
        }

        /** Each figure over the runs that have it. */
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

        /** Each figure of this one divided by the other's, run by run; of those runs that have both. */
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
