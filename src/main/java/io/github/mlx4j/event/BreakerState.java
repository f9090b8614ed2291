package io.github.mlx4j.event;

/** What a provider's circuit breaker does with requests. */
public enum BreakerState {
    /** It lets all through. */
    CLOSED,
    /** It lets none through, since too many failed lately. */
    OPEN,
    /** It lets one through, to see whether the provider is well again. */
    HALF_OPEN
}
