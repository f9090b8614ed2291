package io.github.mlx4j.programs.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A table with a title, in Markdown. */
final class Table {

    final String title;
    private final List<String> columns;
    private final List<List<String>> rows = new ArrayList<>();

    Table(String title, String... columns) {
        this.title = title;
        this.columns = List.of(columns);
    }

    /** Adds a row; missing cells are empty. */
    void row(Object... cells) {
        List<String> row =
                new ArrayList<>(Arrays.stream(cells).map(Object::toString).toList());
        if (row.size() > columns.size()) {
            throw new IllegalArgumentException(row + " has more cells than " + columns);
        }
        while (row.size() < columns.size()) {
            row.add("");
        }
        rows.add(row);
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    String markdown() {
        return "### " + title + "\n\n" + line(columns)
                + line(columns.stream().map(column -> "---").toList())
                + rows.stream().map(Table::line).collect(Collectors.joining());
    }

    private static String line(List<String> cells) {
        return cells.stream()
                .map(cell -> cell.replace("|", "\\|").replaceAll("\\s+", " "))
                .collect(Collectors.joining(" | ", "| ", " |\n"));
    }
}
