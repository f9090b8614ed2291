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

/** What a run found: tables, limits, charts and raw values. */
final class Report {

    private static final JsonMapper JSON = new JsonMapper();

    private final Set<String> scenarios;
    private final boolean enforced;
    private final List<Table> tables = new ArrayList<>();
    private final Table notes = new Table("Not as planned", "what", "why");
    private final Map<Limit, Measured> measured = new EnumMap<>(Limit.class);
    private final Map<String, String> charts = new LinkedHashMap<>();
    private final ObjectNode facts = JSON.createObjectNode();
    private final ArrayNode raw = JSON.createArrayNode();

    private record Measured(Interval figure, int n, String note) {}

    /** For these scenarios; {@code enforced} is whether a missed gate fails the run. */
    Report(Set<String> scenarios, boolean enforced) {
        this.scenarios = scenarios;
        this.enforced = enforced;
    }

    Table table(String title, String... columns) {
        Table table = new Table(title, columns);
        tables.add(table);
        return table;
    }

    /** Something that the reader must know: an arm that is missing, a scenario that failed. */
    void note(String what, String why) {
        notes.row(what, why);
        System.err.println(what + ": " + why);
    }

    /** A figure that has a limit, of so many values. */
    void measured(Limit limit, Interval figure, int n, String note) {
        measured.put(limit, new Measured(figure, n, note));
    }

    /** A fact about the run: the machine, a version. */
    void fact(String name, Object value) {
        facts.set(name, JSON.valueToTree(value));
    }

    /** Values as they were measured. */
    void raw(String scenario, String arm, String what, double... values) {
        ObjectNode entry =
                raw.addObject().put("scenario", scenario).put("arm", arm).put("what", what);
        entry.set(
                "values",
                JSON.valueToTree(
                        Arrays.stream(values).map(v -> Math.rint(v * 1e4) / 1e4).toArray()));
    }

    /** A chart, as SVG. */
    void chart(String name, String svg) {
        charts.put(name, svg);
    }

    /** Whether no gate of these scenarios is missed or without a figure. */
    boolean holds() {
        return !enforced
                || limits().stream()
                        .filter(limit -> limit.gate)
                        .map(this::verdict)
                        .noneMatch(v -> v == Limit.Verdict.MISSED || v == Limit.Verdict.UNMEASURED);
    }

    /** All of it for people. */
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

    /** Writes the JSON, the tables and the charts into a folder; returns the JSON's path. */
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
