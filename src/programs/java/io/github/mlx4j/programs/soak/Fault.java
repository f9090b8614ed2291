package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import java.util.Locale;
import java.util.function.Predicate;

/** What is done to a worker, and which errors that explains, in any request that the worker has at that time. */
enum Fault {
    /** SIGKILL, from inside or outside. */
    KILL(died(137)),
    /** It exits with code 3. */
    EXIT(died(3)),
    /** Its engine throws. */
    RAISE(died(70)),
    /** Its engine stops for good. */
    HANG(WorkerHungException.class::isInstance),
    /** Native code holds the GIL for longer than a hang takes. */
    GIL(WorkerHungException.class::isInstance),
    /** Native code holds the GIL, but not for long. */
    GIL_SHORT(error -> false),
    /** SIGSTOP, for longer than a hang takes. */
    STOP(WorkerHungException.class::isInstance),
    /** SIGSTOP, but not for long. */
    STOP_SHORT(error -> false),
    /** A line on the wire that is no message. */
    JUNK(error -> false),
    /** More of them than are borne. */
    JUNK_FLOOD(ProtocolException.class::isInstance),
    /** Half a line on the wire, which spoils the next message: a chunk, an answer, a pong. */
    TORN(error -> error instanceof ProtocolException || error instanceof WorkerHungException),
    /** More on the standard error than its pipe holds. */
    STDERR(error -> false),
    /** The adapter is closed with requests on it, and a new one takes its place. */
    CLOSE(ClosedException.class::isInstance),
    /** Not a fault: no new request for longer than it takes to stop an idle worker. */
    QUIET(error -> false),
    /** A schema that is nested deeply, or refers to itself. */
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
