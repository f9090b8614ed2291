package io.github.mlx4j.programs.soak;

import io.github.mlx4j.adapter.FallbackAdapter;
import io.github.mlx4j.adapter.SubprocessAdapter;
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

/** One adapter under load, with its requests and faults. Thread-safe. */
final class Lane implements AutoCloseable {

    private static final Duration LONGEST_BESIDE_HOSTILE = Duration.ofSeconds(60);

    final String name;
    final WorkSource source;
    final int mostRequests;
    final Journal journal = new Journal();
    final AtomicInteger launches = new AtomicInteger();

    /** A fault that the next request will inject into the worker, or null. */
    final AtomicReference<@Nullable Fault> due = new AtomicReference<>();

    private final String script;
    private final Duration hang;
    private final Supplier<SubprocessAdapter> maker;
    private final @Nullable CircuitBreakerRegistry breakers;
    private volatile SubprocessAdapter adapter;
    private volatile AbstractTextGenerationPort port;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong slowestMs = new AtomicLong();
    private volatile long lastFull = System.nanoTime();
    private volatile long quietUntil = System.nanoTime();

    /**
     * Creates a lane.
     *
     * @param name a name for messages
     * @param script the worker's entry script, which identifies its processes
     * @param ready how to start the worker
     * @param maker creates an adapter from a probe
     * @param source creates requests
     * @param options the configuration of the worker
     * @param guarded whether requests pass through a circuit breaker, which must never open; then no request may fail
     *     or take long
     */
    Lane(
            String name,
            String script,
            Availability ready,
            Function<Supplier<Availability>, SubprocessAdapter> maker,
            WorkSource source,
            WorkerConfig options,
            boolean guarded) {
        this.name = name;
        this.script = script;
        this.source = source;
        this.mostRequests = options.maxRequests();
        this.hang = options.hang();
        this.maker = () -> maker.apply(
                () -> { // called before each start
                    launches.incrementAndGet();
                    return ready;
                });
        this.breakers = guarded
                ? CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build())
                : null;
        this.adapter = this.maker.get();
        this.port = portOf(adapter);
    }

    private AbstractTextGenerationPort portOf(SubprocessAdapter made) {
        return breakers == null ? made : new FallbackAdapter(Map.of(name, made), breakers, null);
    }

    /** Returns the port for requests: the adapter, or a circuit breaker in front of it. */
    AbstractTextGenerationPort port() {
        return port;
    }

    /**
     * Records the duration of an answered request, and returns whether it is too long. In a guarded lane, only other
     * requests may delay it.
     */
    boolean isTooLong(Duration took) {
        slowestMs.accumulateAndGet(took.toMillis(), Math::max);
        return isGuarded() && took.compareTo(LONGEST_BESIDE_HOSTILE) > 0;
    }

    /** Returns the duration of the slowest answered request. */
    Duration slowest() {
        return Duration.ofMillis(slowestMs.get());
    }

    SubprocessAdapter adapter() {
        return adapter;
    }

    /** Returns whether no request may fail, so that there must not be more requests than the adapter accepts. */
    boolean isGuarded() {
        return breakers != null;
    }

    /** Records that a request is sent to the adapter. */
    void began() {
        if (open.incrementAndGet() > mostRequests) {
            lastFull = System.nanoTime();
        }
    }

    /** Records that the adapter has completed a request. */
    void ended() {
        open.decrementAndGet();
    }

    /** Returns whether there were more requests than the adapter accepts at any time since this moment. */
    boolean wasFullSince(long moment) {
        return lastFull - moment >= 0;
    }

    /** Closes the adapter, whatever it is doing, and replaces it by a new one. */
    void renew() {
        Journal.Entry close = journal.begin(Fault.CLOSE);
        try {
            SubprocessAdapter old = adapter;
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

    /** Returns the worker processes: none, one, or a new one and an old one. */
    List<ProcessHandle> processes() {
        return ProcessHandle.current()
                .children()
                .filter(child -> child.info().commandLine().orElse("").contains(script))
                .toList();
    }

    /** Returns a time that is well beyond the hang timeout plus the time to end a hung worker. */
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
