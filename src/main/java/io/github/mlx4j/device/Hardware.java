package io.github.mlx4j.device;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a machine is made of. {@code null} stands for what is not known.
 *
 * @param os the system property {@code os.name}
 * @param architecture the system property {@code os.arch}: the JVM's, which Rosetta may translate
 * @param chip the processor's name, such as {@code Apple M3 Max}
 * @param generation of Apple silicon: 1 for M1 and so on
 * @param variant of Apple silicon
 * @param cores processors that the system counts
 * @param coreLevels the kinds of cores of Apple silicon, fastest first; empty elsewhere
 * @param memoryBytes all memory that this process can ever have: the machine's, or its container's if that is less
 * @param gpuLimitBytes the memory that the GPU of Apple silicon should use at most: {@code iogpu.wired_limit_mb} if it
 *     is set, else an estimate of Metal's recommended working-set size
 * @param gpuLimitSet whether {@code iogpu.wired_limit_mb} is set, so that {@code gpuLimitBytes} is no estimate
 * @param appleSilicon whether it is a Mac with Apple silicon
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

    // A virtual machine appends "(Virtual)"; later generations may have suffixes that are not known here.
    private static final Pattern APPLE = Pattern.compile("Apple M(\\d{1,3})(?: ([A-Za-z]+))?(?: \\(.*\\))?");

    /** Copies the list. */
    public Hardware {
        coreLevels = List.copyOf(coreLevels);
    }

    /**
     * Cores of one kind.
     *
     * @param name what macOS calls them, such as {@code Performance}, {@code Efficiency} or {@code Super}
     * @param cores how many there are
     */
    public record CoreLevel(String name, int cores) {}

    /** The sizes in which Apple makes each generation. */
    public enum Variant {
        /** The chip without a suffix. */
        BASE,
        /** Pro. */
        PRO,
        /** Max. */
        MAX,
        /** Ultra. */
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
