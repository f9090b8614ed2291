package io.github.mlx4j.bench;

import io.github.mlx4j.event.WorkerMemory;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Function;

/** Computes figures from samples of a worker's memory use. */
final class MemoryFigures {

    private static final double MB = 1e6;

    private MemoryFigures() {}

    /**
     * Returns the active memory from the latest sample, and the maxima over all samples, so that memory which a process
     * has since released still counts.
     */
    static Map<Metric, Double> of(List<WorkerMemory> looks) {
        Map<Metric, Double> figures = new EnumMap<>(Metric.class);
        if (!looks.isEmpty()) {
            looks.get(looks.size() - 1).active().ifPresent(bytes -> figures.put(Metric.MEMORY_ACTIVE, bytes / MB));
            most(figures, Metric.MEMORY_PEAK, looks, WorkerMemory::peak);
            most(figures, Metric.MEMORY_RESIDENT, looks, WorkerMemory::resident);
        }
        return figures;
    }

    private static void most(
            Map<Metric, Double> figures,
            Metric figure,
            List<WorkerMemory> looks,
            Function<WorkerMemory, OptionalLong> value) {
        looks.stream()
                .map(value)
                .flatMapToLong(OptionalLong::stream)
                .max()
                .ifPresent(bytes -> figures.put(figure, bytes / MB));
    }
}
