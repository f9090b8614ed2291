package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The lines are written by hand in the format that macmon documents; none was recorded on a Mac. */
class PowerReadingsTest {

    private static final long SECOND = 1_000_000_000;

    private final PowerReadings readings = new PowerReadings(0);

    @Test
    void shouldReadThePartsOfALine() {
        readings.accept("""
                {"timestamp":"2026-11-21T12:00:00.250+00:00","temp":{"cpu_temp_avg":43.7,"gpu_temp_avg":36.9},\
                "memory":{"ram_total":25769803776,"ram_usage":20985479168,"swap_total":0,"swap_usage":0},"fans":[],\
                "gpu_freq_mhz":461,"cpu_power":2.5,"gpu_power":17.0,"ane_power":0.5,"all_power":20.0,"sys_power":26.25,\
                "ram_power":0.1,"gpu_ram_power":0.0}""", SECOND);

        Energy energy = readings.between(0, SECOND).orElseThrow();

        assertThat(energy.joules()).isEqualTo(20.0);
        assertThat(energy.meanWatts()).isEqualTo(20.0);
        assertThat(energy.time()).isEqualTo(Duration.ofSeconds(1));
        assertThat(energy.watts())
                .containsOnlyKeys("cpu", "gpu", "ane", "system")
                .containsEntry("gpu", 17.0)
                .containsEntry("system", 26.25);
    }

    @Test
    void shouldWeighReadingsByTheTimeThatTheyCover() {
        power(10, 1 * SECOND);
        power(40, 2 * SECOND); // one second at 40 W, of which half counts
        power(99, 3 * SECOND); // not at all

        Energy energy = readings.between(0, 3 * SECOND / 2).orElseThrow();

        assertThat(energy.joules()).isCloseTo(10 + 20, within(1e-9));
        assertThat(energy.meanWatts()).isCloseTo(20, within(1e-9));
    }

    @Test
    void shouldTakeTheMeanForATimeThatNoReadingCovers() {
        power(10, 3 * SECOND);

        assertThat(readings.between(0, 4 * SECOND).orElseThrow().joules()).isCloseTo(40, within(1e-9));
    }

    @Test
    void shouldTellNothingWhenMostOfTheTimeIsNotCovered() {
        power(10, SECOND);

        assertThat(readings.between(0, 3 * SECOND)).isEmpty();
        assertThat(readings.between(SECOND, 2 * SECOND)).isEmpty();
        assertThat(readings.between(SECOND, SECOND)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Error: no sensors", "[1, 2]", "{\"all_power\":null}", "{\"cpu_power\":1.0}"})
    void shouldPassOverLinesWithoutPower(String line) {
        readings.accept(line, SECOND);
        power(10, 2 * SECOND);

        assertThat(readings.between(0, 2 * SECOND).orElseThrow().joules()).isEqualTo(20);
    }

    private void power(double watts, long now) {
        readings.accept("{\"all_power\": " + watts + "}", now);
    }
}
