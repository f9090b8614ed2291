package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import java.util.Locale;
import java.util.function.Predicate;

/** A fault of a worker, and the errors that it can cause in any request that the worker has at that time. */
enum Fault {
    /** SIGKILL, from inside or outside. */
    KILL(died(137)),
    /** The worker exits with code 3. */
    EXIT(died(3)),
    /** The worker's engine throws. */
    RAISE(died(70)),
    /** The worker's engine hangs permanently. */
    HANG(WorkerHungException.class::isInstance),
    /** Native code holds the GIL for longer than the hang timeout. */
    GIL(WorkerHungException.class::isInstance),
    /** Native code holds the GIL briefly. */
    GIL_SHORT(error -> false),
    /** SIGSTOP for longer than the hang timeout. */
    STOP(WorkerHungException.class::isInstance),
    /** SIGSTOP, briefly. */
    STOP_SHORT(error -> false),
    /** An invalid line. */
    JUNK(error -> false),
    /** More invalid lines than are tolerated. */
    JUNK_FLOOD(ProtocolException.class::isInstance),
    /** An incomplete line, which corrupts the next message: a chunk, an answer or a pong. */
    TORN(error -> error instanceof ProtocolException || error instanceof WorkerHungException),
    /** More output on standard error than its pipe can hold. */
    STDERR(error -> false),
    /** The adapter is closed with open requests, and replaced by a new one. */
    CLOSE(ClosedException.class::isInstance),
    /** Not a fault: no new request for longer than the idle timeout. */
    QUIET(error -> false),
    /** A schema that is deeply nested or refers to itself. */
    DEEP_SCHEMA(error -> false),
    /** A prompt of about 8 MiB. */
    HUGE_PROMPT(error -> false),
    /** A prompt that is about as long as the context, or longer. */
    LONG_PROMPT(error -> false),
    /** A response format that is large, or takes long to compile. */
    GRAMMAR(error -> false),
    /** Megabytes of text to tokenize. */
    LARGE_TOKENIZE(error -> false);

    private final Predicate<Mlx4jException> explains;

    Fault(Predicate<Mlx4jException> explains) {
        this.explains = explains;
    }

    boolean explains(Mlx4jException error) {
        return explains.test(error);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static Predicate<Mlx4jException> died(int exitCode) {
        return error -> error instanceof WorkerDiedException died && died.exitCode() == exitCode;
    }
}
