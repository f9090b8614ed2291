package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The results of a run: tables, limits, charts and raw values. */
final class Report {

    private static final JsonMapper JSON = new JsonMapper();

    private final Set<ProviderKind> engines;
    private final Set<String> scenarios;
    private final boolean enforced;
    private final List<Table> tables = new ArrayList<>();
    private final Table notes = new Table("Not measured", "what", "why");
    private final Map<Subject, Measured> measured = new HashMap<>();
    private final Map<String, String> charts = new LinkedHashMap<>();
    private final ObjectNode facts = JSON.createObjectNode();
    private final ArrayNode raw = JSON.createArrayNode();

    /** A figure of an engine that has limits. */
    private record Subject(ProviderKind engine, Limit limit) {

        Limit.Bounds bounds() {
            return Objects.requireNonNull(limit.bounds(engine));
        }

        String name() {
            return engine.id() + ", " + limit.what(engine);
        }

        String bound(@Nullable Double value) {
            return value == null ? "" : (limit.atLeast ? "≥ " : "≤ ") + Interval.number(value) + unit();
        }

        String unit() {
            return limit.unit.equals("x") ? "" : " " + limit.unit;
        }
    }

    private record Measured(Interval figure, int n, String note) {}

    /** Creates a report on these engines and scenarios; {@code enforced} says whether a missed gate fails the run. */
    Report(Set<ProviderKind> engines, Set<String> scenarios, boolean enforced) {
        this.engines = engines;
        this.scenarios = scenarios;
        this.enforced = enforced;
    }

    Table table(String title, String... columns) {
        Table table = new Table(title, columns);
        tables.add(table);
        return table;
    }

    /** Adds a note for the reader, such as a missing arm or a failed scenario. */
    void note(String what, String why) {
        notes.row(what, why);
        System.err.println(what + ": " + why);
    }

    /** Adds a measurement that has limits, taken from {@code n} values. */
    void measured(ProviderKind engine, Limit limit, Interval figure, int n, String note) {
        measured.put(new Subject(engine, limit), new Measured(figure, n, note));
    }

    /** Adds a fact about the run, such as the machine or a version. */
    void fact(String name, Object value) {
        facts.set(name, JSON.valueToTree(value));
    }

    /** Adds raw measured values. */
    void raw(String scenario, String arm, String what, double... values) {
        ObjectNode entry =
                raw.addObject().put("scenario", scenario).put("arm", arm).put("what", what);
        entry.set(
                "values",
                JSON.valueToTree(
                        Arrays.stream(values).map(v -> Math.rint(v * 1e4) / 1e4).toArray()));
    }

    /** Adds a chart as SVG. */
    void chart(String name, String svg) {
        charts.put(name, svg);
    }

    /** Returns whether all gates of these scenarios were measured and met. */
    boolean holds() {
        return !enforced
                || gates().stream()
                        .map(this::verdict)
                        .noneMatch(v -> v == Limit.Verdict.MISSED || v == Limit.Verdict.UNMEASURED);
    }

    /** Returns a sentence that says how many gates and goals are met, and which gates are missed. */
    String verdict() {
        long met = gates().stream().filter(gate -> isMet(verdict(gate))).count();
        long goals = limits().stream()
                .filter(limit -> verdict(limit) == Limit.Verdict.GOAL)
                .count();
        return "mlx4j meets %d of %d gates and %d of %d goals%s%s%s."
                .formatted(
                        met,
                        gates().size(),
                        goals,
                        limits().size(),
                        gates("; missed by less than the interval: ", Limit.Verdict.UNCLEAR),
                        gates("; missed: ", Limit.Verdict.MISSED),
                        gates("; not measured: ", Limit.Verdict.UNMEASURED));
    }

    private String gates(String title, Limit.Verdict verdict) {
        List<String> those = gates().stream()
                .filter(gate -> verdict(gate) == verdict)
                .map(gate -> gate.name() + figure(gate))
                .toList();
        return those.isEmpty() ? "" : title + String.join("; ", those);
    }

    private String figure(Subject gate) {
        Measured found = measured.get(gate);
        return found == null
                ? ""
                : " (%s%s; gate %s)"
                        .formatted(
                                Interval.number(found.figure.mid()),
                                gate.unit(),
                                gate.bound(gate.bounds().gate()));
    }

    private static boolean isMet(Limit.Verdict verdict) {
        return verdict == Limit.Verdict.GOAL || verdict == Limit.Verdict.GATE;
    }

    /** Returns the whole report as Markdown. */
    String markdown() {
        List<Table> all = new ArrayList<>();
        Table about = new Table("This run", "what", "value");
        facts.properties()
                .forEach(fact -> about.row(fact.getKey(), fact.getValue().asText()));
        all.add(about);
        all.add(limitsTable());
        all.addAll(tables);
        all.add(notes);
        return verdict() + "\n\n"
                + all.stream()
                        .filter(table -> !table.isEmpty())
                        .map(Table::markdown)
                        .collect(Collectors.joining("\n"));
    }

    /** Writes the JSON, the tables and the charts into a folder, and returns the path of the JSON file. */
    Path write(Path folder, String time) throws IOException {
        Files.createDirectories(folder);
        chartOfGates();
        for (Map.Entry<String, String> chart : charts.entrySet()) {
            Files.writeString(folder.resolve("bench-" + time + "-" + chart.getKey() + ".svg"), chart.getValue());
        }
        Files.writeString(folder.resolve("bench-" + time + ".md"), markdown());
        ObjectNode json = JSON.createObjectNode();
        json.put("verdict", verdict());
        json.set("run", facts);
        ArrayNode limits = json.putArray("limits");
        for (Subject limit : limits()) {
            ObjectNode entry = limits.addObject()
                    .put("engine", limit.engine.id())
                    .put("name", limit.limit.name())
                    .put("what", limit.limit.what(limit.engine))
                    .put("unit", limit.limit.unit)
                    .put("atLeast", limit.limit.atLeast)
                    .put("gate", limit.bounds().gate())
                    .put("goal", limit.bounds().goal())
                    .put("verdict", verdict(limit).name());
            Measured found = measured.get(limit);
            if (found != null) {
                entry.put("n", found.n).set("figure", JSON.valueToTree(found.figure));
            }
        }
        json.set("raw", raw);
        Path file = folder.resolve("bench-" + time + ".json");
        JSON.writerWithDefaultPrettyPrinter().writeValue(file.toFile(), json);
        return file;
    }

    private List<Subject> limits() {
        return engines.stream()
                .flatMap(engine -> Arrays.stream(Limit.values())
                        .filter(limit -> scenarios.contains(limit.scenario) && limit.bounds(engine) != null)
                        .map(limit -> new Subject(engine, limit)))
                .filter(limit -> measured.containsKey(limit) || !limit.limit.isOptional(limit.engine))
                .toList();
    }

    private List<Subject> gates() {
        return limits().stream().filter(limit -> limit.bounds().gate() != null).toList();
    }

    private Limit.Verdict verdict(Subject limit) {
        Measured found = measured.get(limit);
        return found == null ? Limit.Verdict.UNMEASURED : limit.limit.judge(limit.bounds(), found.figure);
    }

    private Table limitsTable() {
        Table table = new Table(
                "Gates and goals" + (enforced ? "" : " (of the small model; shown, not enforced)"),
                "what",
                "measured [95%]",
                "n",
                "gate",
                "goal",
                "verdict",
                "note");
        for (Subject limit : limits()) {
            Measured found = measured.get(limit);
            table.row(
                    limit.name(),
                    found == null ? "" : found.figure + limit.unit(),
                    found == null ? "" : found.n,
                    limit.bound(limit.bounds().gate()),
                    limit.bound(limit.bounds().goal()),
                    verdict(limit).words,
                    found == null ? "" : found.note);
        }
        return table;
    }

    private void chartOfGates() {
        Chart.Intervals chart = new Chart.Intervals("mlx4j's speed relative to the libraries", "ratio");
        List<Subject> compared = gates().stream()
                .filter(gate -> gate.limit.scenario.equals("speed") && measured.containsKey(gate))
                .toList();
        for (Subject gate : compared) {
            Interval figure = measured.get(gate).figure;
            chart.add(gate.name(), figure, Objects.requireNonNull(gate.bounds().gate()));
        }
        if (!compared.isEmpty()) {
            charts.put("ratios", chart.svg());
        }
    }
}
