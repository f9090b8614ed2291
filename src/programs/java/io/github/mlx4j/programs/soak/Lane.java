package io.github.mlx4j.programs.soak;

import io.github.mlx4j.adapter.FallbackAdapter;
import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One adapter under load, with its requests, its faults, and what is known of it. Thread-safe. */
final class Lane implements AutoCloseable {

    private static final Duration LONGEST_BESIDE_HOSTILE = Duration.ofSeconds(60);

    final String name;
    final WorkSource source;
    final int mostRequests;
    final Journal journal = new Journal();
    final AtomicInteger launches = new AtomicInteger();

    /** A fault that the next request shall carry to the worker. */
    final AtomicReference<@Nullable Fault> due = new AtomicReference<>();

    private final String script;
    private final Duration hang;
    private final Supplier<MlxSubprocessAdapter> maker;
    private final @Nullable CircuitBreakerRegistry breakers;
    private volatile MlxSubprocessAdapter adapter;
    private volatile AbstractTextGenerationPort port;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong slowestMs = new AtomicLong();
    private volatile long lastFull = System.nanoTime();
    private volatile long quietUntil = System.nanoTime();

    /**
     * Creates it.
     *
     * @param name a name for messages
     * @param script the worker's entry script, by which its processes are found
     * @param ready what starts the worker
     * @param maker makes an adapter over a probe
     * @param source makes requests
     * @param options how the adapter looks after the worker
     * @param guarded whether requests go through a circuit breaker, which must never open; then none may fail or take
     *     long
     */
    Lane(
            String name,
            String script,
            Availability ready,
            Function<Supplier<Availability>, MlxSubprocessAdapter> maker,
            WorkSource source,
            WorkerConfig options,
            boolean guarded) {
        this.name = name;
        this.script = script;
        this.source = source;
        this.mostRequests = options.maxRequests();
        this.hang = options.hang();
        this.maker = () -> maker.apply(
                () -> { // it is asked before each start
                    launches.incrementAndGet();
                    return ready;
                });
        this.breakers = guarded
                ? CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build())
                : null;
        this.adapter = this.maker.get();
        this.port = portOf(adapter);
    }

    private AbstractTextGenerationPort portOf(MlxSubprocessAdapter made) {
        return breakers == null ? made : new FallbackAdapter(Map.of(name, made), breakers, null);
    }

    /** What requests go to: the adapter, or a circuit breaker in front of it. */
    AbstractTextGenerationPort port() {
        return port;
    }

    /**
     * A request with an answer took this long; returns whether that is too long, since nothing but requests holds it
     * up.
     */
    boolean isTooLong(Duration took) {
        slowestMs.accumulateAndGet(took.toMillis(), Math::max);
        return isGuarded() && took.compareTo(LONGEST_BESIDE_HOSTILE) > 0;
    }

    /** How long the slowest request with an answer took. */
    Duration slowest() {
        return Duration.ofMillis(slowestMs.get());
    }

    MlxSubprocessAdapter adapter() {
        return adapter;
    }

    /** Whether none of its requests may fail, so that there must be no more of them than it takes. */
    boolean isGuarded() {
        return breakers != null;
    }

    /** A request goes to the adapter. */
    void began() {
        if (open.incrementAndGet() > mostRequests) {
            lastFull = System.nanoTime();
        }
    }

    /** The adapter has ended a request. */
    void ended() {
        open.decrementAndGet();
    }

    /** Whether there were more requests than it takes at some time since this moment. */
    boolean wasFullSince(long moment) {
        return lastFull - moment >= 0;
    }

    /** Closes the adapter, whatever it is doing; the next requests go to a new one. */
    void renew() {
        Journal.Entry close = journal.begin(Fault.CLOSE);
        try {
            MlxSubprocessAdapter old = adapter;
            adapter = maker.get();
            port = portOf(adapter);
            old.close();
        } finally {
            close.end();
        }
    }

    @Override
    public void close() {
        Journal.Entry close = journal.begin(Fault.CLOSE);
        try {
            adapter.close();
        } finally {
            close.end();
        }
    }

    /** Its worker processes: none, one, or the new one beside the old. */
    List<ProcessHandle> processes() {
        return ProcessHandle.current()
                .children()
                .filter(child -> child.info().commandLine().orElse("").contains(script))
                .toList();
    }

    /** A time that is well beyond the limit of a hang, and beyond what ending a hanging worker takes. */
    long stopMs() {
        return hang.toMillis() + 5000;
    }

    boolean takesScripts() {
        return source instanceof FakeWork;
    }

    void quietFor(long nanos) {
        quietUntil = System.nanoTime() + nanos;
    }

    boolean isQuiet() {
        return quietUntil - System.nanoTime() > 0;
    }
}
