package io.github.mlx4j.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The report of a benchmark, as Markdown and as JSON.
 *
 * @param about when and on what machine it ran
 * @param result the result
 * @param notes additional notes for the reader
 */
public record BenchReport(Map<String, String> about, BenchResult result, List<String> notes) {

    /** Copies the collections. */
    public BenchReport {
        about = Collections.unmodifiableMap(new LinkedHashMap<>(about));
        notes = List.copyOf(notes);
    }

    /** Returns the content of the JSON report; {@code docs/benchmarks.md} describes its fields. */
    public Map<String, Object> asMap() {
        List<Object> providers = new ArrayList<>();
        for (BenchResult.Measured one : result.measured()) {
            Map<String, Object> provider = new LinkedHashMap<>();
            provider.put("name", one.name());
            provider.put("facts", one.facts());
            provider.put("figures", one.figures());
            provider.put("runs", one.runs());
            providers.add(provider);
        }
        List<Object> ratios = new ArrayList<>();
        for (BenchResult.Measured other : others()) {
            Map<String, Object> ratio = new LinkedHashMap<>();
            ratio.put("over", first().name());
            ratio.put("under", other.name());
            ratio.put("figures", first().over(other));
            ratios.add(ratio);
        }
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("about", about);
        report.put("settings", result.settings());
        report.put("providers", providers);
        report.put("ratios", ratios);
        report.put("notMeasured", result.missing());
        report.put("notes", notes);
        return report;
    }

    /** Returns the report as Markdown tables. */
    public String markdown() {
        StringBuilder page = new StringBuilder("# mlx4j bench\n\n");
        about.forEach((name, value) -> page.append("- %s: %s\n".formatted(name, plain(value))));
        BenchConfig settings = result.settings();
        page.append("- settings: prompts of about %d tokens, answers of up to %d, %d run%s%s\n"
                .formatted(
                        settings.promptTokens(),
                        settings.maxTokens(),
                        settings.runs(),
                        settings.runs() == 1 ? "" : "s",
                        settings.training()
                                ? ", training in %d steps over %d sequences of up to %d tokens"
                                        .formatted(TrainingRound.STEPS, TrainingRound.SEQUENCES, TrainingRound.LENGTH)
                                : ""));
        for (BenchResult.Measured one : result.measured()) {
            page.append("- %s: %s\n"
                    .formatted(
                            one.name(),
                            one.facts().entrySet().stream()
                                    .map(fact -> plain(fact.getKey() + " " + fact.getValue()))
                                    .collect(Collectors.joining(", "))));
        }
        if (!result.measured().isEmpty()) {
            page.append('\n').append(figures());
        }
        if (!result.missing().isEmpty()) {
            page.append("\nNot measured:\n\n");
            result.missing().forEach((name, why) -> page.append("- %s: %s\n".formatted(name, plain(why))));
        }
        if (!notes.isEmpty()) {
            page.append('\n');
            notes.forEach(note -> page.append("- ").append(plain(note)).append('\n'));
        }
        return page.toString();
    }

    private String figures() {
        List<String> columns = new ArrayList<>(List.of("median (min–max)"));
        List<Map<Metric, MetricSummary>> values = new ArrayList<>();
        for (BenchResult.Measured one : result.measured()) {
            columns.add(one.name());
            values.add(one.figures());
        }
        for (BenchResult.Measured other : others()) {
            columns.add(first().name() + " / " + other.name());
            values.add(first().over(other));
        }
        StringBuilder table = new StringBuilder(row(columns));
        table.append(row(Collections.nCopies(columns.size(), "---")));
        for (Metric figure : Metric.values()) {
            if (values.stream().anyMatch(column -> column.containsKey(figure))) {
                List<String> cells = new ArrayList<>(List.of(figure.words()));
                values.forEach(column -> cells.add(cell(column.get(figure))));
                table.append(row(cells));
            }
        }
        return table.toString();
    }

    private static String cell(@Nullable MetricSummary spread) {
        return Objects.toString(spread, "–");
    }

    private static String row(List<String> cells) {
        return "| " + String.join(" | ", cells) + " |\n";
    }

    private BenchResult.Measured first() {
        return result.measured().get(0);
    }

    private List<BenchResult.Measured> others() {
        return result.measured().stream().skip(1).toList();
    }

    private static String plain(String text) {
        return text.replaceAll("\\s+", " ").strip();
    }
}
