package io.github.mlx4j.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** Self-contained SVG charts for light and dark pages. */
public final class Chart {

    private static final List<String> COLOURS =
            List.of("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"); // safe for the colour-blind
    private static final String STYLE = """
            <style>
              text { font: 13px system-ui, sans-serif; fill: #1f2328 }
              .title { font-size: 16px; font-weight: 600 }
              .value { font-size: 11px }
              .paper { fill: #ffffff }
              .grid { stroke: #d0d7de }
              .axis { stroke: #57606a }
              @media (prefers-color-scheme: dark) {
                text { fill: #e6edf3 }
                .paper { fill: #0d1117 }
                .grid { stroke: #30363d }
                .axis { stroke: #8b949e }
              }
            </style>
            """;

    private Chart() {}

    /** A chart of grouped bars, with one bar per series in each group. The axis starts at 0. Not thread-safe. */
    public static final class Bars {

        private static final int HEIGHT = 260;
        private static final int LEFT = 70;
        private static final int TOP = 48;
        private static final int BAR = 44;

        private final String title;
        private final String unit;
        private final Map<String, Map<String, Double>> groups = new LinkedHashMap<>();
        private final Set<String> series = new LinkedHashSet<>();

        /** Creates an empty chart. */
        public Bars(String title, String unit) {
            this.title = title;
            this.unit = unit;
        }

        /** Adds a bar of a series to a group. */
        public void add(String group, String name, double value) {
            groups.computeIfAbsent(group, key -> new LinkedHashMap<>()).put(name, value);
            series.add(name);
        }

        /** Returns the chart as an {@code svg} element. */
        public String svg() {
            double most = groups.values().stream()
                    .flatMap(bars -> bars.values().stream())
                    .mapToDouble(Double::doubleValue)
                    .max()
                    .orElse(1);
            double step = step(most / 4);
            double top = step * Math.ceil(most / step);
            int bars = groups.values().stream().mapToInt(Map::size).sum();
            int width = Math.max(560, LEFT + bars * BAR + (groups.size() + 1) * 28);
            int bottom = TOP + HEIGHT;
            StringBuilder svg = new StringBuilder();
            svg.append(text(LEFT - 50, 24, "start", "title", title + ", " + unit));
            for (double at = 0; at <= top + step / 2; at += step) {
                double y = bottom - HEIGHT * at / top;
                svg.append(line(LEFT, y, width - 16, y, at == 0 ? "axis" : "grid"));
                svg.append(text(
                        LEFT - 8, y + 4, "end", "value", Interval.number(at).replaceFirst("\\.0+$", "")));
            }
            double x = LEFT + 28;
            for (Map.Entry<String, Map<String, Double>> group : groups.entrySet()) {
                double middle = x + group.getValue().size() * BAR / 2.0;
                svg.append(text(middle, bottom + 20, "middle", "", group.getKey()));
                for (Map.Entry<String, Double> bar : group.getValue().entrySet()) {
                    double height = HEIGHT * bar.getValue() / top;
                    svg.append("<rect x=\"%s\" y=\"%s\" width=\"%d\" height=\"%s\" fill=\"%s\"/>\n"
                            .formatted(at(x), at(bottom - height), BAR - 4, at(height), colour(bar.getKey())));
                    svg.append(text(
                            x + BAR / 2.0 - 2,
                            bottom - height - 4,
                            "middle",
                            "value",
                            Interval.number(bar.getValue())));
                    x += BAR;
                }
                x += 28;
            }
            double y = bottom + 48;
            for (String name : series) {
                svg.append("<rect x=\"%d\" y=\"%s\" width=\"12\" height=\"12\" fill=\"%s\"/>\n"
                        .formatted(LEFT, at(y - 11), colour(name)));
                svg.append(text(LEFT + 20, y, "start", "", name));
                y += 20;
            }
            return page(title, width, y, svg);
        }

        private String colour(String name) {
            return COLOURS.get(List.copyOf(series).indexOf(name) % COLOURS.size());
        }
    }

    /**
     * A chart of figures with their intervals, one row per figure, and optionally with target values. Not thread-safe.
     */
    public static final class Intervals {

        private static final int MAX_LABELS = 330;
        private static final int WIDTH = 760;
        private static final int ROW = 28;

        private final String title;
        private final String unit;
        private final List<Row> rows = new ArrayList<>();

        private record Row(
                String label, Interval figure, @Nullable Double wanted) {

            double least() {
                return wanted == null ? figure.low() : Math.min(figure.low(), wanted);
            }

            double most() {
                return wanted == null ? figure.high() : Math.max(figure.high(), wanted);
            }
        }

        /** Creates an empty chart. */
        public Intervals(String title, String unit) {
            this.title = title;
            this.unit = unit;
        }

        /** Adds a figure. */
        public void add(String label, Interval figure) {
            rows.add(new Row(label, figure, null));
        }

        /** Adds a figure and its target, the minimum value wanted. */
        public void add(String label, Interval figure, double wanted) {
            rows.add(new Row(label, figure, wanted));
        }

        /** Returns the chart as an {@code svg} element. */
        public String svg() {
            double low = rows.stream().mapToDouble(Row::least).min().orElse(0);
            double high = rows.stream().mapToDouble(Row::most).max().orElse(1);
            int longest =
                    rows.stream().mapToInt(row -> row.label.length()).max().orElse(0);
            int labels = Math.min(MAX_LABELS, 40 + 8 * longest);
            // the step must be large enough to be represented at the magnitude of the figures
            double step = step(Math.max(Math.max(high - low, Math.abs(high) * 1e-9), 0.05) / 5);
            double from = step * Math.floor(low / step);
            int steps = Math.max(1, (int) Math.round((step * Math.ceil(high / step + 1e-9) - from) / step));
            double scale = (WIDTH - labels - 90) / (steps * step);
            int bottom = 44 + rows.size() * ROW;
            StringBuilder svg = new StringBuilder(text(16, 24, "start", "title", title));
            for (int i = 0; i <= steps; i++) {
                double at = from + i * step;
                double x = labels + i * step * scale;
                svg.append(line(x, 40, x, bottom, "grid"));
                svg.append(text(x, bottom + 18, "middle", "value", String.format(Locale.ROOT, "%.2f", at)));
            }
            int y = 44 + ROW / 2;
            for (Row row : rows) {
                double low95 = labels + (row.figure.low() - from) * scale;
                double mid = labels + (row.figure.mid() - from) * scale;
                double high95 = labels + (row.figure.high() - from) * scale;
                svg.append(text(labels - 12, y + 4, "end", "", row.label));
                if (row.wanted != null) {
                    double wanted = labels + (row.wanted - from) * scale;
                    svg.append("<path d=\"M%s %dV%d\" stroke=\"%s\" stroke-width=\"3\"/>\n"
                            .formatted(at(wanted), y - 9, y + 9, COLOURS.get(4)));
                }
                svg.append("<path d=\"M%s %dH%s\" stroke=\"%s\" stroke-width=\"3\"/>\n"
                        .formatted(at(low95), y, at(high95), COLOURS.get(0)));
                svg.append("<circle cx=\"%s\" cy=\"%d\" r=\"5\" fill=\"%s\"/>\n".formatted(at(mid), y, COLOURS.get(0)));
                svg.append(text(WIDTH - 12, y + 4, "end", "value", Interval.number(row.figure.mid())));
                y += ROW;
            }
            svg.append(text(
                    labels,
                    bottom + 40,
                    "start",
                    "value",
                    unit + "; line: 95% interval"
                            + (rows.stream().anyMatch(row -> row.wanted != null) ? "; bar: required minimum" : "")));
            return page(title, WIDTH, bottom + 52, svg);
        }
    }

    /** A line chart. Each series connects its points in the order in which they were added. Not thread-safe. */
    public static final class Lines {

        private static final int WIDTH = 760;
        private static final int HEIGHT = 300;
        private static final int LEFT = 70;
        private static final int TOP = 48;
        private static final int MAX_MARKS = 60;

        private final String title;
        private final String unit;
        private final Map<String, List<double[]>> series = new LinkedHashMap<>();
        private boolean fromZero;
        private boolean logarithmic;

        /** Creates an empty chart. */
        public Lines(String title, String unit) {
            this.title = title;
            this.unit = unit;
        }

        /** Adds a point to a series. Points that are not finite are ignored. */
        public void add(String name, double x, double y) {
            if (Double.isFinite(x) && Double.isFinite(y)) {
                series.computeIfAbsent(name, key -> new ArrayList<>()).add(new double[] {x, y});
            }
        }

        /** Starts the vertical axis at 0. */
        public Lines fromZero() {
            fromZero = true;
            return this;
        }

        /** Makes the horizontal axis logarithmic, with a label at each value in use. */
        public Lines logarithmic() {
            logarithmic = true;
            return this;
        }

        /** Returns the chart as an {@code svg} element. */
        public String svg() {
            Axis across = logarithmic ? logarithmicAxis() : axis(0, false);
            Axis up = axis(1, fromZero);
            int bottom = TOP + HEIGHT;
            StringBuilder svg = new StringBuilder(text(LEFT - 50, 24, "start", "title", title));
            up.labels().forEach((value, label) -> {
                double y = bottom - HEIGHT * up.share(value);
                svg.append(line(LEFT, y, WIDTH - 16, y, y == bottom ? "axis" : "grid"));
                svg.append(text(LEFT - 8, y + 4, "end", "value", label));
            });
            across.labels().forEach((value, label) -> {
                double x = LEFT + (WIDTH - 32 - LEFT) * across.share(value);
                svg.append(text(x, bottom + 18, "middle", "value", label));
            });
            svg.append(text(LEFT, bottom + 40, "start", "value", unit));
            double y = bottom + 64;
            int number = 0;
            for (Map.Entry<String, List<double[]>> curve : series.entrySet()) {
                String dashes = number < COLOURS.size() ? "" : " stroke-dasharray=\"6 3\"";
                String colour = COLOURS.get(number++ % COLOURS.size());
                List<String> points = curve.getValue().stream()
                        .map(point -> at(LEFT + (WIDTH - 32 - LEFT) * across.share(point[0])) + ","
                                + at(bottom - HEIGHT * up.share(point[1])))
                        .toList();
                svg.append("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n"
                        .formatted(String.join(" ", points), colour, dashes));
                if (points.size() <= MAX_MARKS) {
                    points.forEach(point -> svg.append("<circle cx=\"%s\" cy=\"%s\" r=\"2.5\" fill=\"%s\"/>\n"
                            .formatted(point.split(",")[0], point.split(",")[1], colour)));
                }
                svg.append("<path d=\"M%d %sh24\" stroke=\"%s\" stroke-width=\"4\"%s/>\n"
                        .formatted(LEFT, at(y - 5), colour, dashes));
                svg.append(text(LEFT + 32, y, "start", "", curve.getKey()));
                y += 20;
            }
            return page(title, WIDTH, y, svg);
        }

        /** Returns the axis of a dimension, with round bounds that include all points. */
        private Axis axis(int dimension, boolean zero) {
            double low = zero ? 0 : points(dimension).min().orElse(0);
            double high = points(dimension).max().orElse(1);
            double step = step(Math.max(high - low, Math.max(Math.abs(high) * 1e-6, 1e-6)) / 8);
            double from = step * Math.floor(low / step);
            int steps = Math.max(1, (int) Math.ceil((high - from) / step - 1e-9));
            int places = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
            Map<Double, String> labels = new LinkedHashMap<>();
            for (int i = 0; i <= steps; i++) {
                labels.put(from + i * step, String.format(Locale.ROOT, "%." + places + "f", from + i * step));
            }
            return new Axis(value -> (value - from) / (step * steps), labels);
        }

        private Axis logarithmicAxis() {
            double low = Math.log(points(0).min().orElse(1));
            double high = Math.log(points(0).max().orElse(1));
            Map<Double, String> labels = new LinkedHashMap<>();
            points(0)
                    .sorted()
                    .distinct()
                    .forEach(x -> labels.put(x, Interval.number(x).replaceFirst("\\.0+$", "")));
            return new Axis(value -> high == low ? 0.5 : (Math.log(value) - low) / (high - low), labels);
        }

        private DoubleStream points(int dimension) {
            return series.values().stream().flatMap(List::stream).mapToDouble(point -> point[dimension]);
        }

        /** An axis: where a value lies, from 0 to 1, and the labels of some values. */
        private record Axis(DoubleUnaryOperator position, Map<Double, String> labels) {

            double share(double value) {
                return position.applyAsDouble(value);
            }
        }
    }

    /** Rounds up to 1, 2 or 5 times a power of ten. */
    private static double step(double least) {
        double power = Math.pow(10, Math.floor(Math.log10(least)));
        return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power;
    }

    private static String page(String title, double width, double height, CharSequence body) {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %s %s\" width=\"%s\" role=\"img\">\n"
                        .formatted(at(width), at(height), at(width))
                + "<title>" + escape(title) + "</title>\n" + STYLE
                + "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n" + body + "</svg>\n";
    }

    private static String text(double x, double y, String anchor, String style, String text) {
        return "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" class=\"%s\">%s</text>\n"
                .formatted(at(x), at(y), anchor, style, escape(text));
    }

    private static String line(double x1, double y1, double x2, double y2, String style) {
        return "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" class=\"%s\"/>\n"
                .formatted(at(x1), at(y1), at(x2), at(y2), style);
    }

    private static String at(double number) {
        return String.format(Locale.ROOT, "%.1f", number);
    }

    private static String escape(String text) {
        return text.chars()
                .mapToObj(c -> c == '&' ? "&amp;" : c == '<' ? "&lt;" : Character.toString(c))
                .collect(Collectors.joining());
    }
}
