package io.github.mlx4j.programs.soak;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Samples the heap that is live after a garbage collection. Not thread-safe. */
final class Heap {

    static final double MAX_GROWTH_MB = 20;

    private static final double MB = 1 << 20;

    private final List<Double> samples = new ArrayList<>();

    /** Collects garbage and returns the live heap in MB. */
    double sample() {
        System.gc();
        double mb = ManagementFactory.getMemoryPoolMXBeans().stream()
                        .filter(pool -> pool.getType() == MemoryType.HEAP)
                        .map(MemoryPoolMXBean::getCollectionUsage)
                        .filter(Objects::nonNull)
                        .mapToLong(MemoryUsage::getUsed)
                        .sum()
                / MB;
        samples.add(mb);
        return mb;
    }

    /** Returns the median of the last quarter minus the median of the second quarter, in MB. */
    double growth() {
        int quarter = samples.size() / 4;
        return quarter == 0
                ? 0
                : median(samples.subList(samples.size() - quarter, samples.size()))
                        - median(samples.subList(quarter, 2 * quarter));
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
