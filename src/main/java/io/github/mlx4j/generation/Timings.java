package io.github.mlx4j.generation;

import java.time.Duration;

/**
 * The duration of each phase of an answer, measured by the engine. For a remote provider it is measured by the client,
 * and prefill includes the network latency.
 *
 * @param queue from the request's arrival at the engine to the start of its prefill
 * @param prefill from the start of the prefill to the first token
 * @param firstToken from the arrival to the first token: {@code queue} plus {@code prefill}
 * @param decode from the first token to the last
 */
public record Timings(Duration queue, Duration prefill, Duration firstToken, Duration decode) {}
