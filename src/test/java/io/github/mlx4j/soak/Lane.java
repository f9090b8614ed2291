package io.github.mlx4j.soak;

import io.github.mlx4j.adapter.MlxSubprocessAdapter;
import io.github.mlx4j.adapter.WorkerOptions;
import io.github.mlx4j.probe.Availability;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One adapter under load, with its requests, its faults, and what is known of it. Thread-safe. */
final class Lane implements AutoCloseable {

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
    private volatile MlxSubprocessAdapter adapter;
    private final AtomicInteger open = new AtomicInteger();
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
     */
    Lane(
            String name,
            String script,
            Availability ready,
            Function<Supplier<Availability>, MlxSubprocessAdapter> maker,
            WorkSource source,
            WorkerOptions options) {
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
        this.adapter = this.maker.get();
    }

    MlxSubprocessAdapter adapter() {
        return adapter;
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
