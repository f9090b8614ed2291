package io.github.mlx4j.programs.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Information about this machine and the memory of its processes. */
final class Machine {

    private static final Path PROC = Path.of("/proc");

    private Machine() {}

    static String cpu() {
        try {
            if (Files.isDirectory(PROC)) {
                return field(Files.readAllLines(PROC.resolve("cpuinfo")), "model name");
            }
            return output("sysctl", "-n", "machdep.cpu.brand_string");
        } catch (IOException unknown) {
            return System.getProperty("os.arch");
        }
    }

    static String cores() {
        return Runtime.getRuntime().availableProcessors() + " cores";
    }

    static String memory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? Math.round(system.getTotalMemorySize() / 1e9) + " GB"
                : "unknown";
    }

    static String system() {
        return System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                + System.getProperty("os.arch");
    }

    /** Returns the average load of the last minute. */
    static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    /** Returns a process's resident memory in MB. */
    static double residentMb(long pid) throws IOException {
        if (Files.isDirectory(PROC)) {
            return kilobytes(PROC.resolve(pid + "/status"), "VmRSS") / 1e3;
        }
        return Double.parseDouble(output("ps", "-o", "rss=", "-p", Long.toString(pid))) / 1e3;
    }

    /**
     * Returns the memory of a process and its children in MB, with shared pages divided among the processes that share
     * them; NaN on systems other than Linux.
     */
    static double proportionalMb(long pid) throws IOException {
        double mb = 0;
        if (!Files.isDirectory(PROC)) {
            return Double.NaN;
        }
        List<Long> children = ProcessHandle.of(pid)
                .map(process -> process.children().map(ProcessHandle::pid).toList())
                .orElse(List.of());
        for (long child : children) {
            mb += kilobytes(PROC.resolve(child + "/smaps_rollup"), "Pss") / 1e3;
        }
        return mb + kilobytes(PROC.resolve(pid + "/smaps_rollup"), "Pss") / 1e3;
    }

    private static double kilobytes(Path file, String name) throws IOException {
        return 1.024 * Double.parseDouble(field(Files.readAllLines(file), name).replaceAll("\\D", ""));
    }

    private static String field(List<String> lines, String name) {
        return lines.stream()
                .filter(line -> line.startsWith(name + ":") || line.startsWith(name + "\t"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("unknown");
    }

    private static String output(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }
}
