package io.github.mlx4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class ChartTest {

    @Test
    void shouldDrawBarsInProportionWhenGivenValues() throws Exception {
        Chart.Bars chart = new Chart.Bars("Speed <of> A & B", "tokens per second");
        chart.add("1 caller", "A", 100);
        chart.add("1 caller", "B", 50);
        chart.add("8 callers", "B", 200);

        Document svg = parse(chart.svg());

        assertThat(svg.getElementsByTagName("title").item(0).getTextContent()).isEqualTo("Speed <of> A & B");
        assertThat(bar(svg, 1)).isEqualTo(2 * bar(svg, 2)).isEqualTo(bar(svg, 3) / 2);
        assertThat(svg.getDocumentElement().getTextContent()).contains("1 caller", "8 callers", "tokens per second");
    }

    @Test
    void shouldDrawALineForEachWhenGivenIntervals() throws Exception {
        Chart.Intervals chart = new Chart.Intervals("Ratios", "ratio");
        chart.add("of one way", new Interval(0.9, 0.95, 1.02), 0.93);
        chart.add("of another", new Interval(1.1, 1.2, 1.4), 1);

        Document svg = parse(chart.svg());

        assertThat(svg.getElementsByTagName("circle").getLength()).isEqualTo(2);
        assertThat(svg.getDocumentElement().getTextContent()).contains("of one way", "0.950", "1.20");
    }

    @Test
    void shouldDrawCurvesBetweenRoundNumbers() throws Exception {
        Chart.Lines chart = new Chart.Lines("Loss", "nats, by step");
        chart.add("training", 1, 10);
        chart.add("training", 51, 5);
        chart.add("training", 101, 0);
        chart.add("training", 102, Double.NaN);
        chart.add("validation", 0, 7.5);

        Document svg = parse(chart.svg());

        Element curve = (Element) svg.getElementsByTagName("polyline").item(0);
        String[] points = curve.getAttribute("points").split(" ");
        assertThat(points).hasSize(3);
        double top = Double.parseDouble(points[0].split(",")[1]);
        double middle = Double.parseDouble(points[1].split(",")[1]);
        double bottom = Double.parseDouble(points[2].split(",")[1]);
        assertThat(middle - top).isPositive().isEqualTo(bottom - middle);
        assertThat(svg.getElementsByTagName("circle").getLength()).isEqualTo(4);
        assertThat(svg.getDocumentElement().getTextContent())
                .contains("training", "validation", "nats, by step", "100");
    }

    @Test
    void shouldDrawAnEmptyChartWhenThereIsNoPoint() throws Exception {
        assertThat(parse(new Chart.Lines("Loss", "nats").svg())
                        .getElementsByTagName("polyline")
                        .getLength())
                .isZero();
    }

    @Test
    void shouldHaveNoBarWhenNothingIsWanted() throws Exception {
        Chart.Intervals chart = new Chart.Intervals("Shares", "share");
        chart.add("base", new Interval(0.4, 0.5, 0.6));

        Document svg = parse(chart.svg());

        assertThat(svg.getElementsByTagName("path").getLength()).isEqualTo(1);
        assertThat(svg.getDocumentElement().getTextContent()).contains("base").doesNotContain("wanted");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 1e9, 1e17, -1e17, 1e200})
    void shouldEndWhenAStepWouldBeLostInTheFigure(double figure) throws Exception {
        Chart.Intervals chart = new Chart.Intervals("Perplexity", "lower is better");
        chart.add("base", new Interval(figure, figure, figure));

        String page = assertTimeoutPreemptively(Duration.ofSeconds(20), chart::svg);

        assertThat(parse(page).getElementsByTagName("line").getLength()).isBetween(2, 8);
        assertThat(page).doesNotContain("NaN", "Infinity");
    }

    @Test
    void shouldBeWholeWhenThereIsNothingToShow() throws Exception {
        parse(new Chart.Bars("None", "ms").svg());
        parse(new Chart.Intervals("None", "ratio").svg());
    }

    private static double bar(Document svg, int index) { // the first rectangle is the paper
        return Double.parseDouble(((Element) svg.getElementsByTagName("rect").item(index)).getAttribute("height"));
    }

    private static Document parse(String svg) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }
}
