package io.github.mlx4j.metrics;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The table of meters in {@code docs/observability.md}, and the content of a registry in the same format. */
public final class MetricsPage {

    private static final Pattern ROW = Pattern.compile("\\| `([a-z0-9_.]+)` \\| (\\w+) \\| ([^|]+) \\|");
    private static final Pattern TAG = Pattern.compile("`([a-z0-9_.]+)`");
    private static final Set<String> CALL =
            Set.of("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model");
    private static final Set<String> WORKER = Set.of("provider", "model");
    private static final Map<Meter.Type, String> KINDS = Map.of(
            Meter.Type.TIMER, "timer",
            Meter.Type.DISTRIBUTION_SUMMARY, "summary",
            Meter.Type.COUNTER, "counter",
            Meter.Type.GAUGE, "gauge");

    private MetricsPage() {}

    /** Each documented meter with its kind and tags. */
    public static Map<String, String> documented() {
        try {
            Map<String, String> meters = new TreeMap<>();
            Matcher row = ROW.matcher(Files.readString(Path.of("docs", "observability.md")));
            while (row.find()) {
                Set<String> tags = TAG.matcher(row.group(3))
                        .results()
                        .map(tag -> tag.group(1))
                        .collect(Collectors.toCollection(TreeSet::new));
                tags.addAll(row.group(3).contains("call") ? CALL : Set.of());
                tags.addAll(row.group(3).contains("worker") ? WORKER : Set.of());
                meters.put(row.group(1), row.group(2) + " " + tags);
            }
            return meters;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Each meter of ours in the registry with its kind and tags. */
    public static Map<String, String> registered(MeterRegistry registry) {
        Map<String, String> meters = new TreeMap<>();
        for (Meter meter : registry.getMeters()) {
            if (meter.getId().getName().matches("(gen_ai|mlx4j|resilience4j)\\..*")) {
                Set<String> tags = meter.getId().getTags().stream()
                        .map(Tag::getKey)
                        .collect(Collectors.toCollection(TreeSet::new));
                meters.put(meter.getId().getName(), KINDS.get(meter.getId().getType()) + " " + tags);
            }
        }
        return meters;
    }
}
