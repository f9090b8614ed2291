package io.github.mlx4j.programs.soak;

import java.util.SplittableRandom;

/** Creates random requests. Thread-safe. */
interface WorkSource {

    /** Returns a request that ends by itself. */
    Work good(SplittableRandom random);

    /** Returns a request that runs until it is cancelled, or at least for a while. */
    Work lasting(SplittableRandom random);

    /** Returns a request that is rejected. */
    Work bad(SplittableRandom random);

    /** Returns a request that causes this fault in its worker. */
    Work faulty(SplittableRandom random, Fault fault);
}
