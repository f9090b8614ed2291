package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** The results of a run: tables, limits, charts and raw values. */
final class Report {

    private static final JsonMapper JSON = new JsonMapper();

    private final Set<String> scenarios;
    private final boolean enforced;
    private final List<Table> tables = new ArrayList<>();
    private final Table notes = new Table("Not measured", "what", "why");
    private final Map<Limit, Measured> measured = new EnumMap<>(Limit.class);
    private final Map<String, String> charts = new LinkedHashMap<>();
    private final ObjectNode facts = JSON.createObjectNode();
    private final ArrayNode raw = JSON.createArrayNode();

    private record Measured(Interval figure, int n, String note) {}

    /** Creates a report on these scenarios; {@code enforced} says whether a missed gate fails the run. */
    Report(Set<String> scenarios, boolean enforced) {
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

    /** Adds a measurement that has a limit, taken from {@code n} values. */
    void measured(Limit limit, Interval figure, int n, String note) {
        measured.put(limit, new Measured(figure, n, note));
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
                || limits().stream()
                        .filter(limit -> limit.gate)
                        .map(this::verdict)
                        .noneMatch(v -> v == Limit.Verdict.MISSED || v == Limit.Verdict.UNMEASURED);
    }

    /** Returns the whole report as Markdown. */
    String markdown() {
        List<Table> all = new ArrayList<>();
        Table about = new Table("This run", "what", "value");
        facts.properties()
                .forEach(fact -> about.row(fact.getKey(), fact.getValue().asText()));
        all.add(about);
        all.add(limits(true));
        all.add(limits(false));
        all.addAll(tables);
        all.add(notes);
        return all.stream()
                .filter(table -> !table.isEmpty())
                .map(Table::markdown)
                .collect(Collectors.joining("\n"));
    }

    /** Writes the JSON, the tables and the charts into a folder, and returns the path of the JSON file. */
    Path write(Path folder, String time) throws IOException {
        Files.createDirectories(folder);
        for (Map.Entry<String, String> chart : charts.entrySet()) {
            Files.writeString(folder.resolve("bench-" + time + "-" + chart.getKey() + ".svg"), chart.getValue());
        }
        Files.writeString(folder.resolve("bench-" + time + ".md"), markdown());
        ObjectNode json = JSON.createObjectNode();
        json.set("run", facts);
        ArrayNode limits = json.putArray("limits");
        for (Limit limit : limits()) {
            ObjectNode entry = limits.addObject()
                    .put("name", limit.name())
                    .put("gate", limit.gate)
                    .put("what", limit.what)
                    .put("limit", limit.value)
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

    private List<Limit> limits() {
        return Arrays.stream(Limit.values())
                .filter(limit -> scenarios.contains(limit.scenario))
                .toList();
    }

    private Limit.Verdict verdict(Limit limit) {
        Measured found = measured.get(limit);
        return found == null ? Limit.Verdict.UNMEASURED : limit.judge(found.figure);
    }

    private Table limits(boolean gates) {
        Table table = new Table(
                gates ? "Gates" + (enforced ? "" : " (of the small model; shown, not enforced)") : "Further targets",
                "what",
                "limit",
                "measured [95%]",
                "n",
                "verdict",
                "note");
        for (Limit limit : limits()) {
            if (limit.gate == gates) {
                Measured found = measured.get(limit);
                String unit = limit.unit.equals("x") ? "x" : " " + limit.unit;
                table.row(
                        limit.what,
                        (limit.atLeast ? "≥ " : "≤ ") + Interval.number(limit.value) + unit,
                        found == null ? "" : found.figure + unit,
                        found == null ? "" : found.n,
                        verdict(limit).words,
                        found == null ? "" : found.note);
            }
        }
        return table;
    }
}
