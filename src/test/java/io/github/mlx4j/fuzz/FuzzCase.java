package io.github.mlx4j.fuzz;

import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.RandomGenerator;
import net.jqwik.api.Shrinkable;

/**
 * A property and the inputs for which it must hold.
 *
 * @param name a name for messages
 * @param inputs generates the inputs
 * @param property throws if it doesn't hold
 */
public record FuzzCase<T>(String name, Arbitrary<T> inputs, Property<T> property) {

    /** Throws if the property doesn't hold for an input. */
    @FunctionalInterface
    public interface Property<T> {

        /** Checks it. */
        void check(T input) throws Exception;
    }

    private static final int SIZE = 1000; // how many inputs a generator is tuned for
    private static final long SHRINKING_NS = 20_000_000_000L;

    /** Checks inputs until this time, by {@link System#nanoTime()}, and returns how many it has checked. */
    public long run(Random random, long until) throws Failure {
        RandomGenerator<T> generator = inputs.generator(SIZE, true);
        long checked = 0;
        while (until - System.nanoTime() > 0) {
            Shrinkable<T> input = generator.next(random);
            if (fails(input)) {
                throw failure(smallest(input));
            }
            checked++;
        }
        return checked;
    }

    private boolean fails(Shrinkable<T> input) {
        try {
            property.check(input.value());
            return false;
        } catch (Throwable thrown) {
            return true;
        }
    }

    private Shrinkable<T> smallest(Shrinkable<T> failing) {
        long until = System.nanoTime() + SHRINKING_NS;
        Shrinkable<T> best = failing;
        while (until - System.nanoTime() > 0) {
            try (Stream<Shrinkable<T>> smaller = best.shrink()) {
                Shrinkable<T> next = smaller.filter(this::fails).findFirst().orElse(best);
                if (next == best) {
                    return best;
                }
                best = next;
            }
        }
        return best;
    }

    private Failure failure(Shrinkable<T> input) {
        try {
            property.check(input.value());
            return new Failure(name, input.value(), new AssertionError("It failed, but not when it was repeated."));
        } catch (Throwable thrown) {
            return new Failure(name, input.value(), thrown);
        }
    }

    /** Reports that the property doesn't hold. */
    public static final class Failure extends Exception {

        private static final long serialVersionUID = 1;

        Failure(String name, Object input, Throwable cause) {
            super(name + ": smallest input " + (input instanceof byte[] bytes ? escaped(bytes) : input), cause);
        }

        /** As in a string of Python or Java. */
        private static String escaped(byte[] bytes) {
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                text.append(b >= ' ' && b < 127 && b != '\\' ? Character.toString(b) : "\\x%02x".formatted(b & 0xff));
            }
            return text.toString();
        }
    }
}
