package io.github.mlx4j.metrics;

import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The meters of workers. All workers with the same provider and model share their meters, which exist from the start of
 * the first worker until the last one is closed. Their values are read from the workers on demand.
 */
final class WorkerMeters {

    private final MeterRegistry registry;
    private final Map<Tags, Group> groups = new HashMap<>();

    /** Workers with the same tags, and their registered meters. */
    private record Group(Set<WorkerView> workers, List<Meter> meters) {

        Stream<WorkerStatus> statuses() {
            return workers.stream().map(WorkerView::status);
        }
    }

    WorkerMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    synchronized void event(WorkerView worker, WorkerStatus.Event event) {
        Tags tags = Tags.of("provider", worker.provider().id(), "model", worker.model());
        registry.counter("mlx4j.worker.events", tags.and("event", event.name())).increment();
        if (worker.status().state() != WorkerStatus.State.CLOSED) {
            groups.computeIfAbsent(tags, this::group).workers.add(worker);
            return;
        }
        Group group = groups.get(tags);
        if (group != null && group.workers.remove(worker) && group.workers.isEmpty()) {
            groups.remove(tags);
            group.meters.forEach(registry::remove);
        }
    }

    private Group group(Tags tags) {
        Group group = new Group(new CopyOnWriteArraySet<>(), new ArrayList<>());
        for (WorkerStatus.State state : WorkerStatus.State.values()) {
            group.meters.add(Gauge.builder(
                            "mlx4j.worker.state",
                            group,
                            of -> of.statuses()
                                    .filter(status -> status.state() == state)
                                    .count())
                    .description("1 for the state that a worker is in, 0 for the others")
                    .tags(tags.and("state", state.name().toLowerCase(Locale.ROOT)))
                    .register(registry));
        }
        group.meters.add(Gauge.builder(
                        "mlx4j.worker.requests.open",
                        group,
                        of -> of.statuses().mapToInt(WorkerStatus::openRequests).sum())
                .description("Requests that a worker has not answered yet")
                .tags(tags)
                .register(registry));
        group.meters.add(FunctionCounter.builder(
                        "mlx4j.worker.failures",
                        group,
                        of -> of.statuses().mapToInt(WorkerStatus::failures).sum())
                .description("How often a worker's process failed")
                .tags(tags)
                .register(registry));
        group.meters.add(memory(group, tags.and("kind", "active"), WorkerMemory::active));
        group.meters.add(memory(group, tags.and("kind", "peak"), WorkerMemory::peak));
        group.meters.add(memory(group, tags.and("kind", "cache"), WorkerMemory::cache));
        group.meters.add(memory(group, tags.and("kind", "resident"), WorkerMemory::resident));
        return group;
    }

    private Meter memory(Group group, Tags tags, Function<WorkerMemory, OptionalLong> bytes) {
        return Gauge.builder(
                        "mlx4j.worker.memory",
                        group,
                        of -> sum(of.statuses()
                                .flatMap(status -> status.memory().stream())
                                .map(bytes)
                                .flatMapToLong(OptionalLong::stream)))
                .description("What a worker takes, as it last said")
                .baseUnit("bytes")
                .tags(tags)
                .register(registry);
    }

    /** Returns the sum of the known values, or NaN if there are none. */
    private static double sum(LongStream known) {
        OptionalDouble sum = known.asDoubleStream().reduce(Double::sum);
        return sum.orElse(Double.NaN);
    }
}
