package io.github.mlx4j.cli.environment;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.Hardware;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The section of {@code mlx4j doctor} about the machine. */
final class HardwareSection {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private HardwareSection() {}

    static Map<String, Object> describe(DeviceManager device) {
        Hardware hardware = device.detectHardware();
        OptionalInt gpuCores = device.gpuCores(PATIENCE);
        OptionalLong available = device.availableMemory();
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("chip", hardware.chip());
        described.put("appleSilicon", hardware.appleSilicon());
        described.put("generation", hardware.generation());
        described.put(
                "variant",
                hardware.variant() == null ? null : hardware.variant().name().toLowerCase(Locale.ROOT));
        described.put("translated", hardware.translated());
        described.put("cores", hardware.cores());
        described.put("coreLevels", hardware.coreLevels());
        described.put("gpuCores", gpuCores.isPresent() ? gpuCores.getAsInt() : null);
        described.put("memoryBytes", hardware.memoryBytes());
        described.put("availableBytes", available.isPresent() ? available.getAsLong() : null);
        described.put("gpuLimitBytes", hardware.gpuLimitBytes());
        described.put("gpuLimitSet", hardware.gpuLimitSet());
        return described;
    }

    static void print(Map<?, ?> hardware, PrintWriter out) {
        out.printf(
                "%nhardware: %s%s%n",
                hardware.get("chip") == null ? "unknown processor" : hardware.get("chip"),
                Boolean.TRUE.equals(hardware.get("translated")) ? ", this JVM is translated (Rosetta)" : "");
        out.printf("  cores        %s", hardware.get("cores"));
        if (hardware.get("coreLevels") instanceof List<?> levels && !levels.isEmpty()) {
            out.printf(" (%s)", levels.stream().map(HardwareSection::text).collect(Collectors.joining(", ")));
        }
        out.printf("%s%n", hardware.get("gpuCores") == null ? "" : ", GPU " + hardware.get("gpuCores"));
        out.printf(
                "  memory       %s, %s available now%n",
                amount(hardware.get("memoryBytes")), amount(hardware.get("availableBytes")));
        if (hardware.get("gpuLimitBytes") != null) {
            out.printf(
                    "  GPU limit    %s (%s)%n",
                    amount(hardware.get("gpuLimitBytes")),
                    Boolean.TRUE.equals(hardware.get("gpuLimitSet"))
                            ? "iogpu.wired_limit_mb"
                            : "an estimate of macOS's recommendation");
        }
    }

    private static String text(Object level) {
        Hardware.CoreLevel one = (Hardware.CoreLevel) level;
        return one.cores() + " " + one.name().toLowerCase(Locale.ROOT);
    }

    private static String amount(@Nullable Object bytes) {
        return bytes instanceof Long number ? ByteText.text(number) : "unknown";
    }
}
