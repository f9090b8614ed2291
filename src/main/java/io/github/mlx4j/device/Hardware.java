package io.github.mlx4j.device;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The hardware of a machine. Unknown values are {@code null}.
 *
 * @param os the system property {@code os.name}
 * @param architecture the system property {@code os.arch}, which is that of the JVM and may be translated by Rosetta
 * @param chip the name of the processor, such as {@code Apple M3 Max}
 * @param generation the generation of Apple silicon: 1 for M1 and so on
 * @param variant the variant of Apple silicon
 * @param cores the number of processors that the system reports
 * @param coreLevels the kinds of cores of Apple silicon, fastest first; empty on other hardware
 * @param memoryBytes the total memory that this process could use: that of the machine or, if smaller, of its container
 * @param gpuLimitBytes the maximum memory that the GPU of Apple silicon should use: {@code iogpu.wired_limit_mb} if it
 *     is set, otherwise an estimate of Metal's recommended working-set size
 * @param gpuLimitSet whether {@code iogpu.wired_limit_mb} is set, so that {@code gpuLimitBytes} is not an estimate
 * @param appleSilicon whether this is a Mac with Apple silicon
 * @param translated whether this is an Intel JVM on Apple silicon (Rosetta)
 */
public record Hardware(
        String os,
        String architecture,
        @Nullable String chip,
        @Nullable Integer generation,
        @Nullable Variant variant,
        int cores,
        List<CoreLevel> coreLevels,
        @Nullable Long memoryBytes,
        @Nullable Long gpuLimitBytes,
        boolean gpuLimitSet,
        boolean appleSilicon,
        boolean translated) {

    // Virtual machines append "(Virtual)", and later generations may have other suffixes.
    private static final Pattern APPLE = Pattern.compile("Apple M(\\d{1,3})(?: ([A-Za-z]+))?(?: \\(.*\\))?");

    /** Makes an immutable copy of the list. */
    public Hardware {
        coreLevels = List.copyOf(coreLevels);
    }

    /**
     * Cores of one kind.
     *
     * @param name the name that macOS uses, such as {@code Performance}, {@code Efficiency} or {@code Super}
     * @param cores the number of cores
     */
    public record CoreLevel(String name, int cores) {}

    /** The variants in which Apple makes each generation. */
    public enum Variant {
        /** The chip without a suffix. */
        BASE,
        /** The Pro variant. */
        PRO,
        /** The Max variant. */
        MAX,
        /** The Ultra variant. */
        ULTRA;

        static @Nullable Variant of(@Nullable String chip) {
            Matcher name = APPLE.matcher(chip == null ? "" : chip);
            if (!name.matches()) {
                return null;
            }
            String suffix = name.group(2) == null ? "Base" : name.group(2);
            return Arrays.stream(values())
                    .filter(variant -> variant.name().equalsIgnoreCase(suffix))
                    .findFirst()
                    .orElse(null);
        }
    }

    static @Nullable Integer generation(@Nullable String chip) {
        Matcher name = APPLE.matcher(chip == null ? "" : chip);
        return name.matches() ? Integer.valueOf(name.group(1)) : null;
    }
}
