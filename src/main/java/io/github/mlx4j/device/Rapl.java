package io.github.mlx4j.device;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Measures the energy of x86 processors with the RAPL counters of the Linux kernel, in microjoules. Not every user may
 * read them.
 */
final class Rapl implements PowerSampler {

    private static final String FOLDER = "/sys/class/powercap/intel-rapl:";
    private static final double MICRO = 1e-6;

    private final Machine machine;
    private final List<Integer> packages;
    private final LongSupplier nanoTime;
    private long @Nullable [] before; // per package
    private long begun;

    private Rapl(Machine machine, List<Integer> packages, LongSupplier nanoTime) {
        this.machine = machine;
        this.packages = packages;
        this.nanoTime = nanoTime;
        begin();
    }

    /** Returns whether the kernel counts the energy of any package. */
    static boolean isThere(Machine machine) {
        return !packages(machine).isEmpty();
    }

    /** Creates a sampler if the counters can be read. */
    static Optional<PowerSampler> open(Machine machine, LongSupplier nanoTime) {
        Rapl rapl = new Rapl(machine, packages(machine), nanoTime);
        return rapl.before == null || rapl.packages.isEmpty() ? Optional.empty() : Optional.of(rapl);
    }

    /** Returns the zones named package-0 and so on. Other zones are parts of a package, or the whole platform. */
    private static List<Integer> packages(Machine machine) {
        List<Integer> found = new ArrayList<>();
        for (int zone = 0; machine.read(FOLDER + zone + "/name").isPresent(); zone++) {
            if (machine.read(FOLDER + zone + "/name").orElse("").startsWith("package")) {
                found.add(zone);
            }
        }
        return found;
    }

    @Override
    public String source() {
        return "RAPL (processor packages)";
    }

    @Override
    public void begin() {
        before = counters();
        begun = nanoTime.getAsLong();
    }

    @Override
    public Optional<Energy> end() {
        Duration time = Duration.ofNanos(nanoTime.getAsLong() - begun);
        long[] first = before;
        long[] now = counters();
        if (first == null || now == null || time.isZero()) {
            return Optional.empty();
        }
        double joules = 0;
        for (int i = 0; i < now.length; i++) {
            long taken = now[i] - first[i];
            if (taken < 0) { // the counter wrapped around, at most once during a benchmark
                OptionalLong range = number(packages.get(i), "max_energy_range_uj");
                if (range.isEmpty()) {
                    return Optional.empty();
                }
                taken += range.getAsLong();
            }
            joules += taken * MICRO;
        }
        return Optional.of(new Energy(joules, time, Map.of()));
    }

    /** Returns the counter of each package, or {@code null} if one can't be read. */
    private long @Nullable [] counters() {
        long[] counters = new long[packages.size()];
        for (int i = 0; i < counters.length; i++) {
            OptionalLong value = number(packages.get(i), "energy_uj");
            if (value.isEmpty()) {
                return null;
            }
            counters[i] = value.getAsLong();
        }
        return counters;
    }

    private OptionalLong number(int zone, String file) {
        String text = machine.read(FOLDER + zone + "/" + file).orElse("").strip();
        return text.matches("\\d{1,18}") ? OptionalLong.of(Long.parseLong(text)) : OptionalLong.empty();
    }

    @Override
    public void close() {
        // it only reads files
    }
}
