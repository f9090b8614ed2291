package io.github.mlx4j.device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads system information from {@code /proc} and {@code /sys/fs/cgroup} on Linux. */
final class LinuxReadings {

    private static final String CGROUPS = "/sys/fs/cgroup";

    private LinuxReadings() {}

    static Hardware hardware(Machine machine) {
        return new Hardware(
                machine.os(),
                machine.architecture(),
                chip(machine.read("/proc/cpuinfo").orElse("")),
                null,
                null,
                machine.cores(),
                List.of(),
                boxed(memory(machine)),
                null,
                false,
                false,
                false);
    }

    /** Returns the name of the processor. arm64 kernels only report numbers for the manufacturer and the part. */
    static @Nullable String chip(String cpuinfo) {
        String name = value(cpuinfo, "model name");
        if (name != null) {
            return name;
        }
        String implementer = value(cpuinfo, "CPU implementer");
        return implementer == null
                ? null
                : "ARM (implementer %s, part %s)".formatted(implementer, value(cpuinfo, "CPU part"));
    }

    private static @Nullable String value(String cpuinfo, String key) {
        Matcher line = Pattern.compile("(?m)^" + key + "[ \\t]*:[ \\t]*(\\S.*?)[ \\t]*$")
                .matcher(cpuinfo);
        return line.find() ? line.group(1) : null;
    }

    /** Returns the memory of the machine, or the cgroup limit if that is lower. */
    static OptionalLong memory(Machine machine) {
        return least(fromMeminfo(machine, "MemTotal"), cgroups(machine), Cgroup::limit);
    }

    /**
     * Returns the memory that the kernel considers available without swapping, or what remains in the cgroup if that is
     * less.
     */
    static OptionalLong available(Machine machine) {
        return least(fromMeminfo(machine, "MemAvailable"), cgroups(machine), Cgroup::available);
    }

    private static OptionalLong fromMeminfo(Machine machine, String key) {
        Matcher line = Pattern.compile("(?m)^" + key + ":\\s*(\\d{1,15}) kB")
                .matcher(machine.read("/proc/meminfo").orElse(""));
        return line.find() ? OptionalLong.of(Long.parseLong(line.group(1)) * 1024) : OptionalLong.empty();
    }

    private static OptionalLong least(OptionalLong whole, List<Cgroup> cgroups, Function<Cgroup, Long> value) {
        return whole.isEmpty()
                ? whole
                : OptionalLong.of(cgroups.stream().map(value).reduce(whole.getAsLong(), Math::min));
    }

    /** The memory limit of a cgroup, in bytes, and how much of it is available, including the file cache. */
    private record Cgroup(long limit, long available) {}

    /** Returns all limits that apply to this process: those of its own cgroup and of the enclosing ones. */
    private static List<Cgroup> cgroups(Machine machine) {
        String groups = machine.read("/proc/self/cgroup").orElse("");
        String first = ownPath(groups, true);
        List<Cgroup> limits = new ArrayList<>();
        boolean old = first != null;
        String path = old ? first : ownPath(groups, false);
        while (path != null) {
            read(machine, CGROUPS + (old ? "/memory" : "") + path, old).ifPresent(limits::add);
            path = path.isEmpty() ? null : path.substring(0, path.lastIndexOf('/'));
        }
        return limits;
    }

    /** Parses the path from {@code 0::/path} (version 2) or {@code 4:memory:/path} (version 1). */
    private static @Nullable String ownPath(String groups, boolean old) {
        return groups.lines()
                .map(line -> line.split(":", 3))
                .filter(parts -> parts.length == 3
                        && parts[2].startsWith("/")
                        && (old
                                ? Arrays.asList(parts[1].split(",")).contains("memory")
                                : parts[0].equals("0") && parts[1].isEmpty()))
                .map(parts -> parts[2].equals("/") ? "" : parts[2])
                .findFirst()
                .orElse(null);
    }

    private static Optional<Cgroup> read(Machine machine, String folder, boolean old) {
        Optional<Long> limit = number(machine, folder + (old ? "/memory.limit_in_bytes" : "/memory.max"));
        Optional<Long> usage = number(machine, folder + (old ? "/memory.usage_in_bytes" : "/memory.current"));
        if (limit.isEmpty() || usage.isEmpty()) {
            return Optional.empty(); // "max", or no such file, as in the root cgroup
        }
        String stat = machine.read(folder + "/memory.stat").orElse("");
        String prefix = old ? "total_" : "";
        long cache = stat(stat, prefix + "inactive_file") + stat(stat, prefix + "active_file");
        long left = Math.min(limit.get(), Math.max(0, limit.get() - usage.get() + cache));
        return Optional.of(new Cgroup(limit.get(), left));
    }

    private static Optional<Long> number(Machine machine, String file) {
        return machine.read(file)
                .map(String::strip)
                .filter(text -> text.matches("\\d{1,19}"))
                .map(text -> text.length() == 19 ? Long.MAX_VALUE : Long.parseLong(text)); // "no limit" in version 1
    }

    private static long stat(String stat, String key) {
        Matcher line = Pattern.compile("(?m)^" + key + " (\\d{1,18})$").matcher(stat);
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    private static @Nullable Long boxed(OptionalLong value) {
        return value.isPresent() ? value.getAsLong() : null;
    }
}
