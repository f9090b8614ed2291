package io.github.mlx4j.training;

import io.github.mlx4j.report.Chart;
import io.github.mlx4j.report.Page;
import io.github.mlx4j.training.config.TrainingConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Renders a run's loss curve and its HTML report. */
final class TrainingPages {

    private TrainingPages() {}

    /** Renders the losses as an SVG file. */
    static String curve(RunHistory history) {
        Chart.Lines chart = new Chart.Lines("Loss", "nats per token, by step");
        history.steps().forEach(step -> chart.add("training", step.step(), step.loss()));
        history.validations()
                .forEach(done ->
                        chart.add("validation", done.step(), done.result().loss()));
        return chart.svg();
    }

    /** Renders the report as a self-contained HTML page. */
    static String html(TrainingReport report, RunHistory history, TrainingConfig config) {
        StringBuilder page = new StringBuilder("<p><strong>")
                .append(Page.escape(verdict(report)))
                .append("</strong></p>\n")
                .append(curve(history));
        Map<String, String> figures = new LinkedHashMap<>();
        figures.put("model", report.model());
        figures.put("method", report.method().id());
        figures.put("backend", report.backend() + " on " + report.device());
        figures.put("parameters", String.format(Locale.ROOT, "%,d", report.parameters()));
        figures.put("trained parameters", String.format(Locale.ROOT, "%,d", report.trainableParameters()));
        figures.put("steps", report.steps() + " of " + report.totalSteps());
        figures.put("tokens in the loss", String.format(Locale.ROOT, "%,d", report.tokens()));
        figures.put("tokens per second", String.format(Locale.ROOT, "%.1f", report.tokensPerSecond()));
        if (report.peakBytes() != null) {
            figures.put("peak memory", String.format(Locale.ROOT, "%,d MB", report.peakBytes() / 1_000_000));
        }
        if (report.result() != null) {
            figures.put("result", "%s, from step %d".formatted(report.result(), report.resultStep()));
        }
        new TreeMap<>(report.packages()).forEach((name, version) -> figures.put(name, version));
        page.append(table(figures));
        list(page, "Warnings", report.warnings());
        list(
                page,
                "Backends tried",
                report.attempts().stream().map(Object::toString).toList());
        if (!report.validations().isEmpty()) {
            page.append("<h2>Validations</h2>\n<table>\n<tr><th>step</th><th>loss</th><th>perplexity</th></tr>\n");
            report.validations()
                    .forEach(at -> page.append(String.format(
                            Locale.ROOT,
                            "<tr><td>%d</td><td>%.4f</td><td>%.3f</td></tr>\n",
                            at.step(),
                            at.loss(),
                            at.perplexity())));
            page.append("</table>\n");
        }
        page.append("<h2>Configuration</h2>\n<pre>")
                .append(Page.escape(config.toJson()))
                .append("</pre>\n");
        return Page.html("Training", page);
    }

    static String verdict(TrainingReport report) {
        String how = switch (report.outcome()) {
            case COMPLETED -> "Completed all %d steps".formatted(report.steps());
            case STOPPED_EARLY ->
                "Stopped after %d steps because the validation loss stopped improving".formatted(report.steps());
            case CANCELLED -> "Cancelled after %d of %d steps".formatted(report.steps(), report.totalSteps());
            case FAILED ->
                "Failed after %d of %d steps: %s".formatted(report.steps(), report.totalSteps(), report.error());
        };
        return report.firstLoss() == null || report.lastLoss() == null
                ? how + "."
                : String.format(
                        Locale.ROOT,
                        "%s; the training loss went from %.4f to %.4f.",
                        how,
                        report.firstLoss(),
                        report.lastLoss());
    }

    private static void list(StringBuilder page, String title, List<String> lines) {
        if (!lines.isEmpty()) {
            page.append("<h2>").append(title).append("</h2>\n<ul>\n");
            lines.forEach(line -> page.append("<li>").append(Page.escape(line)).append("</li>\n"));
            page.append("</ul>\n");
        }
    }

    private static String table(Map<String, String> rows) {
        StringBuilder table = new StringBuilder("<table>\n");
        rows.forEach((name, value) ->
                table.append("<tr><th>%s</th><td>%s</td></tr>\n".formatted(Page.escape(name), Page.escape(value))));
        return table.append("</table>\n").toString();
    }
}
