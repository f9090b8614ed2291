package io.github.mlx4j.event;

/** The state of a provider's circuit breaker. */
public enum BreakerState {
    /** All requests pass. */
    CLOSED,
    /** No requests pass, because too many failed recently. */
    OPEN,
    /** One request passes, to test whether the provider has recovered. */
    HALF_OPEN
}
