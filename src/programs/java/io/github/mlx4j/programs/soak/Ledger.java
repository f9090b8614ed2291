package io.github.mlx4j.programs.soak;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/** Records all requests and their outcomes. Thread-safe. */
final class Ledger {

    /** The time within which every request must complete, including restarts of its worker. */
    private static final Duration LIMIT = Duration.ofSeconds(90);

    private static final int MAX_PRINTED = 40;

    final LongAdder requests = new LongAdder();
    final LongAdder ok = new LongAdder();
    final AtomicInteger lost = new AtomicInteger();
    final AtomicInteger duplicated = new AtomicInteger();
    final AtomicInteger wrong = new AtomicInteger();

    private final Map<String, LongAdder> failures = new ConcurrentHashMap<>();
    private final Set<Tracked> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger printed = new AtomicInteger();
    private final Consumer<String> out;

    Ledger(Consumer<String> out) {
        this.out = out;
    }

    void began(Tracked request) {
        requests.increment();
        open.add(request);
    }

    void ended(Tracked request, String outcome) {
        if (open.remove(request)) {
            if (outcome.equals(Tracked.OK)) {
                ok.increment();
            } else {
                failures.computeIfAbsent(outcome, code -> new LongAdder()).increment();
            }
        }
    }

    void duplicated(String what) {
        duplicated.incrementAndGet();
        print("DUPLICATED " + what);
    }

    void wrong(String what) {
        wrong.incrementAndGet();
        print("WRONG " + what);
    }

    int open() {
        return open.size();
    }

    /** Reports requests that are older than the limit as lost. */
    void sweep() {
        loseThoseOlderThan(LIMIT);
    }

    /** Reports all open requests as lost. */
    void loseTheRest() {
        loseThoseOlderThan(Duration.ZERO);
    }

    long failed() {
        return failures.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /** Returns the number of failures by error code. */
    Map<String, Long> failures() {
        Map<String, Long> byCode = new TreeMap<>();
        failures.forEach((code, count) -> byCode.put(code, count.sum()));
        return byCode;
    }

    private void loseThoseOlderThan(Duration age) {
        for (Tracked request : open) {
            if (request.age().compareTo(age) >= 0 && open.remove(request)) {
                lost.incrementAndGet();
                print("LOST " + request);
            }
        }
    }

    private void print(String what) {
        if (printed.incrementAndGet() <= MAX_PRINTED) {
            out.accept(what);
        }
    }
}
