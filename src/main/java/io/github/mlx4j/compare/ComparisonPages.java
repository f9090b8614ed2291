package io.github.mlx4j.compare;

import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Page;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Renders the report of a comparison as Markdown and as a self-contained HTML page. */
final class ComparisonPages {

    private record Row(String what, String base, String trained) {}

    private ComparisonPages() {}

    static String summary(ComparisonReport report) {
        StringBuilder page = new StringBuilder("# Base vs. trained\n\n");
        settings(report).forEach(line -> page.append("- ").append(plain(line)).append('\n'));
        page.append("\n**").append(report.verdict()).append("**\n\n| | base | trained |\n|---|---|---|\n");
        rows(report).forEach(row -> page.append("| %s | %s | %s |\n".formatted(row.what(), row.base(), row.trained())));
        page.append(
                "\n| | trained passes | trained fails |\n|---|---|---|\n| base passes | %d | %d |\n| base fails | %d | %d |\n"
                        .formatted(
                                report.outcomes().both(),
                                report.outcomes().losses(),
                                report.outcomes().wins(),
                                report.outcomes().neither()));
        page.append('\n');
        report.notes().forEach(note -> page.append("- ").append(note).append('\n'));
        return page.toString();
    }

    static String markdown(ComparisonReport report) {
        StringBuilder page = new StringBuilder(summary(report));
        if (!report.changed().isEmpty()) {
            page.append("\n## Tasks that changed\n\n| task | | base | trained |\n|---|---|---|---|\n");
            report.changed()
                    .forEach(changed -> page.append("| %s | %s | %s | %s |\n"
                            .formatted(
                                    plain(changed.task()),
                                    change(changed),
                                    plain(answer(changed.base())),
                                    plain(answer(changed.trained())))));
        }
        return page.toString();
    }

    static String html(ComparisonReport report) {
        StringBuilder page = new StringBuilder("<ul>\n");
        settings(report)
                .forEach(line -> page.append("<li>").append(Page.escape(line)).append("</li>\n"));
        page.append("</ul>\n<p><strong>").append(Page.escape(report.verdict())).append("</strong></p>\n");
        page.append("<table>\n<tr><th></th><th>base</th><th>trained</th></tr>\n");
        rows(report)
                .forEach(row -> page.append("<tr><th>%s</th><td>%s</td><td>%s</td></tr>\n"
                        .formatted(Page.escape(row.what()), Page.escape(row.base()), Page.escape(row.trained()))));
        page.append("</table>\n<table>\n<tr><th></th><th>trained passes</th><th>trained fails</th></tr>\n");
        page.append(
                "<tr><th>base passes</th><td>%d</td><td>%d</td></tr>\n<tr><th>base fails</th><td>%d</td><td>%d</td></tr>\n"
                        .formatted(
                                report.outcomes().both(),
                                report.outcomes().losses(),
                                report.outcomes().wins(),
                                report.outcomes().neither()));
        page.append("</table>\n<ul>\n");
        report.notes()
                .forEach(note -> page.append("<li>").append(Page.escape(note)).append("</li>\n"));
        page.append("</ul>\n");
        page.append(chart(
                "Pass rate",
                "share of the judged tasks",
                report.base().passRate(),
                report.trained().passRate()));
        page.append(chart(
                "Perplexity of the expected answers",
                "lower is better",
                report.base().perplexity(),
                report.trained().perplexity()));
        page.append(chart(
                "Tokens per second",
                "median over tasks",
                report.base().tokensPerSecond(),
                report.trained().tokensPerSecond()));
        page.append(
                "<h2>Tasks that changed (%d)</h2>\n".formatted(report.changed().size()));
        report.changed().forEach(changed -> page.append(section(changed)));
        return Page.html("Base vs. trained", page);
    }

    private static List<String> settings(ComparisonReport report) {
        ComparisonConfig settings = report.settings();
        return List.of(
                "base: " + settings.base(),
                "trained: " + settings.trained() + made(settings),
                "%s%s, %d tasks, greedy decoding, up to %d tokens per answer unless the task sets its own limit"
                        .formatted(
                                settings.backend(),
                                settings.dtype() == null ? "" : " in " + settings.dtype(),
                                report.base().tasks(),
                                settings.maxTokens()));
    }

    /** Describes how the trained model was loaded. */
    private static String made(ComparisonConfig settings) {
        return (settings.adapter() ? " (an adapter on the base model)" : "")
                + (settings.expert() == null ? "" : ", expert " + settings.expert())
                + (settings.trainedBase() == null ? "" : ", on " + settings.trainedBase());
    }

    private static List<Row> rows(ComparisonReport report) {
        ComparisonReport.Figures base = report.base();
        ComparisonReport.Figures trained = report.trained();
        return List.of(
                new Row("passed", passed(base), passed(trained)),
                new Row("pass rate, % [95%]", percent(base.passRate()), percent(trained.passRate())),
                new Row("perplexity of expected answers [95%]", text(base.perplexity()), text(trained.perplexity())),
                new Row(
                        "tokens per second, median [95%]",
                        text(base.tokensPerSecond()), text(trained.tokensPerSecond())),
                new Row(
                        "time to first token, ms, median",
                        ms(base.firstTokenSeconds()),
                        ms(trained.firstTokenSeconds())),
                new Row("truncated answers", Integer.toString(base.cut()), Integer.toString(trained.cut())),
                new Row("errors", Integer.toString(base.errors()), Integer.toString(trained.errors())));
    }

    private static String passed(ComparisonReport.Figures figures) {
        return figures.passed() + " of " + figures.judged();
    }

    private static String percent(@Nullable Interval share) {
        return share == null
                ? "–"
                : String.format(
                        Locale.ROOT, "%.1f [%.1f, %.1f]", 100 * share.mid(), 100 * share.low(), 100 * share.high());
    }

    private static String text(@Nullable Interval figure) {
        return figure == null ? "–" : figure.toString();
    }

    private static String ms(@Nullable Double seconds) {
        return seconds == null ? "–" : Interval.number(1000 * seconds);
    }

    /** Returns a chart as SVG; empty if there is nothing to draw. */
    private static String chart(String title, String unit, @Nullable Interval base, @Nullable Interval trained) {
        if (base == null || trained == null || !Double.isFinite(base.high() + trained.high())) {
            return "";
        }
        Chart.Intervals chart = new Chart.Intervals(title, unit);
        chart.add("base", base);
        chart.add("trained", trained);
        return chart.svg();
    }

    private static String section(ComparisonReport.Changed changed) {
        String expected = changed.expected() == null
                ? ""
                : "<p class=\"faint\">expected</p>\n<pre>" + Page.escape(changed.expected()) + "</pre>\n";
        return """
                <h3>%s: %s</h3>
                <pre>%s</pre>
                %s<table class="answers">
                <tr><th>base</th><th>trained</th></tr>
                <tr><td><pre>%s</pre></td><td><pre>%s</pre></td></tr>
                </table>
                """.formatted(
                        Page.escape(changed.task()),
                        change(changed),
                        Page.escape(changed.prompt()),
                        expected,
                        Page.escape(answer(changed.base())),
                        Page.escape(answer(changed.trained())));
    }

    private static String change(ComparisonReport.Changed changed) {
        Boolean trained = changed.trained().passed();
        return trained == null ? "different answer" : trained ? "won" : "lost";
    }

    private static String answer(TaskResult result) {
        return result.answer() == null
                ? "(none: " + result.error() + ")"
                : result.answer() + (result.failure() == null ? "" : "\n(fails: " + result.failure() + ")");
    }

    /** Puts a text on one line and escapes it for a Markdown table cell and for HTML. */
    private static String plain(String text) {
        return Page.escape(text.replaceAll("\\s+", " ")).replaceAll("([\\\\`*_\\[\\]|~])", "\\\\$1");
    }
}
