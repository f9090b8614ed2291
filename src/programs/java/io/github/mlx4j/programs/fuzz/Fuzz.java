package io.github.mlx4j.programs.fuzz;

import io.github.mlx4j.fuzz.FuzzCase;
import io.github.mlx4j.internal.protocol.CodecFuzzTest;
import io.github.mlx4j.internal.worker.LineReaderFuzzTest;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.sessions.JqwikSession;

/**
 * {@code Fuzz MINUTES SEED…}: checks the properties of the codec and the line reader, for this many minutes per seed.
 * At the first failure, it prints the seed and the smallest failing input, and exits with 1.
 */
public final class Fuzz {

    private Fuzz() {}

    /** Runs the program. */
    public static void main(String[] args) {
        double minutes = Double.parseDouble(args[0]);
        for (String seed : List.of(args).subList(1, args.length)) {
            JqwikSession.run(seed, () -> run(Long.parseLong(seed), (long) (minutes * 60e9)));
        }
        System.exit(0);
    }

    private static void run(long seed, long nanos) {
        List<FuzzCase<?>> cases =
                Stream.concat(CodecFuzzTest.cases(), LineReaderFuzzTest.cases()).toList();
        for (FuzzCase<?> one : cases) {
            try {
                long checked = one.run(new Random(seed), System.nanoTime() + nanos / cases.size());
                System.out.printf("fuzz: java, seed %d, %s: %,d inputs%n", seed, one.name(), checked);
            } catch (FuzzCase.Failure failure) {
                System.out.printf("fuzz: java, seed %d FAILED, %s%n", seed, failure.getMessage());
                failure.getCause().printStackTrace(System.out);
                System.exit(1);
            }
        }
    }
}
