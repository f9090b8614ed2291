package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class CostsTest {

    private final Costs costs = Costs.byCallers();

    @Test
    void shouldDrawOneLinePerArmWhenCostsAreCharted() throws Exception {
        fill();

        Document svg = parse(costs.svg());

        assertThat(svg.getElementsByTagName("polyline").getLength()).isEqualTo(2);
        assertThat(svg.getDocumentElement().getTextContent())
                .contains("mlx4j", "a & b", "ms per token of all callers, by callers");
    }

    @Test
    void shouldStartAtZeroWhenCostsAreCharted() throws Exception {
        Costs byContext = Costs.byContext();
        byContext.add("mlx4j", 100, 3);
        byContext.add("mlx4j", 3500, 6);

        Element line = (Element)
                parse(byContext.svg()).getElementsByTagName("polyline").item(0);

        String[] points = line.getAttribute("points").split("[ ,]");
        double bottom = 348; // of the chart, where 0 is
        assertThat(bottom - Double.parseDouble(points[3])).isEqualTo(2 * (bottom - Double.parseDouble(points[1])));
    }

    @Test
    void shouldCompareThroughputWithThatOfOneCallerWhenScalingIsReported() {
        fill();
        Report report = new Report(Set.of(), Set.of(), false);

        costs.scaling(report, "mlx");

        assertThat(report.markdown())
                .contains("| arm | 1 caller, ms per token | 4 callers | 16 callers |")
                .contains("| mlx4j | 3.00 | 2.00x | 6.00x |", "| a & b | 2.00 | 1.00x |  |");
    }

    private void fill() {
        costs.add("mlx4j", 1, 3);
        costs.add("mlx4j", 16, 0.5);
        costs.add("mlx4j", 4, 1.5);
        costs.add("a & b", 1, 2);
        costs.add("a & b", 4, 2);
    }

    private static Document parse(String svg) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }
}
