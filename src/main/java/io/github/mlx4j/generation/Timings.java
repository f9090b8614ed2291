package io.github.mlx4j.generation;

import java.time.Duration;

/**
 * Where an answer's time went, by the clock of the engine that gave it. Of a remote provider it is the time that passed
 * here, with the way to it in the prefill.
 *
 * @param queue from the request's arrival at the engine until the engine took it up
 * @param prefill from then to the first token
 * @param firstToken from the arrival to the first token; the sum of the two above
 * @param decode from the first token to the last
 */
public record Timings(Duration queue, Duration prefill, Duration firstToken, Duration decode) {}
