package io.github.mlx4j.cli.training;

import io.github.mlx4j.cli.output.Version;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.Hardware;
import java.lang.management.ManagementFactory;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The facts about the machine and the software in the output of {@code mlx4j bench}. */
final class BenchMachine {

    private BenchMachine() {}

    static Map<String, String> describe(DeviceManager device) {
        Hardware hardware = device.detectHardware();
        Long memory = hardware.memoryBytes();
        Map<String, String> about = new LinkedHashMap<>();
        about.put("date", LocalDate.now().toString());
        about.put(
                "machine",
                "%s, %d cores, %s"
                        .formatted(
                                Objects.requireNonNullElse(hardware.chip(), "unknown processor"),
                                hardware.cores(),
                                memory == null ? "unknown memory" : ByteText.text(memory)));
        about.put(
                "system",
                "%s %s on %s".formatted(hardware.os(), System.getProperty("os.version"), hardware.architecture()));
        about.put("Java", System.getProperty("java.version"));
        about.put("mlx4j", Version.text());
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        if (load >= 0) {
            about.put("load before", String.format(Locale.ROOT, "%.2f", load));
        }
        return about;
    }
}
