package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ToleranceTest {

    @Test
    void shouldBeLooserOnAGpuButNeverTighterOrWithoutALimit() {
        assertThat(Tolerance.of(1e-4, false)).isEqualTo(1e-4);
        assertThat(Tolerance.of(1e-5, true)).isEqualTo(1e-3);
        assertThat(Tolerance.of(1e-3, true)).isEqualTo(1e-2);
        assertThat(Tolerance.of(0.5, true)).isEqualTo(0.5);
    }
}
