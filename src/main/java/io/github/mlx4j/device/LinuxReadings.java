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

/** Reads what the Linux kernel says in {@code /proc} and {@code /sys/fs/cgroup}. */
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

    /** The processor's name; arm64 kernels know only numbers, of its maker and its kind. */
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

    /** The machine's memory, or less where a cgroup limits it. */
    static OptionalLong memory(Machine machine) {
        return least(fromMeminfo(machine, "MemTotal"), cgroups(machine), Cgroup::limit);
    }

    /** What the kernel thinks can be had without swapping, or less where a cgroup limits it. */
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

    /** A limit on the memory of a group of processes, in bytes, and what is left of it: file cache counts as left. */
    private record Cgroup(long limit, long available) {}

    /** Every limit on this process: its own group's and those of the groups around it. */
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

    /** From {@code 0::/path} (version 2) or {@code 4:memory:/path} (version 1). */
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
            return Optional.empty(); // "max", or no such file: the root has none
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
                .map(text -> text.length() == 19 ? Long.MAX_VALUE : Long.parseLong(text)); // version 1's "no limit"
    }

    private static long stat(String stat, String key) {
        Matcher line = Pattern.compile("(?m)^" + key + " (\\d{1,18})$").matcher(stat);
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    private static @Nullable Long boxed(OptionalLong value) {
        return value.isPresent() ? value.getAsLong() : null;
    }
}
