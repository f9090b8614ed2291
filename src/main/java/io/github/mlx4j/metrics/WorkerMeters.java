package io.github.mlx4j.metrics;

import io.github.mlx4j.port.WorkerMemory;
import io.github.mlx4j.port.WorkerStatus;
import io.github.mlx4j.port.WorkerView;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * The meters of workers: each from its worker's first start until it is closed. They ask the worker when they are read.
 */
final class WorkerMeters {

    private final MeterRegistry registry;
    private final Map<WorkerView, List<Meter>> open = new ConcurrentHashMap<>();

    WorkerMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    void event(WorkerView worker, WorkerStatus.Event event) {
        registry.counter("mlx4j.worker.events", tags(worker).and("event", event.name()))
                .increment();
        if (event.name().equals("closed")) {
            List<Meter> meters = open.remove(worker);
            if (meters != null) {
                meters.forEach(registry::remove);
            }
        } else if (worker.status().state() != WorkerStatus.State.CLOSED) {
            open.computeIfAbsent(worker, this::meters);
        }
    }

    private List<Meter> meters(WorkerView worker) {
        Tags tags = tags(worker);
        List<Meter> meters = new ArrayList<>();
        for (WorkerStatus.State state : WorkerStatus.State.values()) {
            meters.add(Gauge.builder(
                            "mlx4j.worker.state", worker, of -> of.status().state() == state ? 1 : 0)
                    .description("1 for the state that a worker is in, 0 for the others")
                    .tags(tags.and("state", state.name().toLowerCase(Locale.ROOT)))
                    .register(registry));
        }
        meters.add(Gauge.builder(
                        "mlx4j.worker.requests.open", worker, of -> of.status().openRequests())
                .description("Requests that a worker has not answered yet")
                .tags(tags)
                .register(registry));
        meters.add(FunctionCounter.builder(
                        "mlx4j.worker.failures", worker, of -> of.status().failures())
                .description("How often a worker's process failed")
                .tags(tags)
                .register(registry));
        meters.add(memory(worker, "active", WorkerMemory::active));
        meters.add(memory(worker, "peak", WorkerMemory::peak));
        meters.add(memory(worker, "cache", WorkerMemory::cache));
        meters.add(memory(worker, "resident", WorkerMemory::resident));
        return meters;
    }

    private Meter memory(WorkerView worker, String kind, Function<WorkerMemory, OptionalLong> bytes) {
        return Gauge.builder(
                        "mlx4j.worker.memory",
                        worker,
                        of -> of.status()
                                .memory()
                                .map(bytes)
                                .filter(OptionalLong::isPresent)
                                .map(known -> (double) known.getAsLong())
                                .orElse(Double.NaN))
                .description("What a worker takes, as it last said")
                .baseUnit("bytes")
                .tags(tags(worker).and("kind", kind))
                .register(registry);
    }

    private static Tags tags(WorkerView worker) {
        return Tags.of("provider", worker.provider().id(), "model", worker.model());
    }
}
