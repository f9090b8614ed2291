package io.github.mlx4j.cli.environment;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.device.Hardware.CoreLevel;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HardwareSectionTest {

    @Test
    void shouldPrintEveryLevelOfCoresByItsName() {
        assertThat(print(Map.of(
                        "cores",
                        18,
                        "coreLevels",
                        List.of(new CoreLevel("Super", 6), new CoreLevel("Performance", 12)))))
                .contains("cores        18 (6 super, 12 performance)");
        assertThat(print(Map.of("cores", 4, "coreLevels", List.of())))
                .containsPattern("cores        4\\R")
                .doesNotContain("null");
    }

    @Test
    void shouldTellAnEstimateOfTheGpusLimitFromOneThatIsSet() {
        assertThat(print(Map.of("gpuLimitBytes", 5_700_000_000L, "gpuLimitSet", false)))
                .contains("GPU limit    5.7 GB (an estimate of macOS's recommendation)");
        assertThat(print(Map.of("gpuLimitBytes", 5_700_000_000L, "gpuLimitSet", true)))
                .contains("GPU limit    5.7 GB (iogpu.wired_limit_mb)");
    }

    private static String print(Map<String, Object> hardware) {
        StringWriter out = new StringWriter();
        HardwareSection.print(hardware, new PrintWriter(out, true));
        return out.toString();
    }
}
