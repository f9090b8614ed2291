package io.github.mlx4j.programs.soak;

import java.util.SplittableRandom;

/** Makes requests at random. Thread-safe. */
interface WorkSource {

    /** One that ends by itself. */
    Work good(SplittableRandom random);

    /** One that lasts: until it is cancelled, or at least for a while. */
    Work lasting(SplittableRandom random);

    /** One that is refused. */
    Work bad(SplittableRandom random);

    /** One that does this to its worker. */
    Work faulty(SplittableRandom random, Fault fault);
}
