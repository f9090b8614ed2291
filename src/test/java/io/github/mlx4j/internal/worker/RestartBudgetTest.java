package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.TestClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class RestartBudgetTest {

    private final TestClock clock = new TestClock();
    private final RestartBudget budget = new RestartBudget(3, Duration.ofMinutes(5), clock);

    @Test
    void shouldNotBeSpentWhenFailuresAreFewerThanItAllows() {
        assertThat(budget.spent()).isFalse();
        budget.failed();
        budget.failed();
        assertThat(budget.spent()).isFalse();
    }

    @Test
    void shouldBeSpentWhenAsManyFailedWithinTheWindow() {
        budget.failed();
        clock.advance(Duration.ofMinutes(4));
        budget.failed();
        budget.failed();

        assertThat(budget.spent()).isTrue();
    }

    @Test
    void shouldForgetAFailureWhenTheWindowHasPassedIt() {
        budget.failed();
        clock.advance(Duration.ofMinutes(1));
        budget.failed();
        budget.failed();

        clock.advance(Duration.ofMinutes(4));
        assertThat(budget.spent()).as("the first is just within").isTrue();
        clock.advance(Duration.ofMillis(1));
        assertThat(budget.spent()).as("the first is out").isFalse();
        budget.failed();
        assertThat(budget.spent()).as("three are within again").isTrue();
        clock.advance(Duration.ofMinutes(6));
        assertThat(budget.spent()).as("all are out").isFalse();
    }

    @Test
    void shouldSayItsLimitsWhenPrinted() {
        assertThat(budget).hasToString("3 failures within 5 minutes");
        assertThat(RestartBudget.standard()).hasToString("3 failures within 5 minutes");
    }
}
