package io.github.mlx4j.device;

import java.util.Locale;
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
 * @param performanceCores the faster cores of Apple silicon
 * @param efficiencyCores the slower cores of Apple silicon
 * @param memoryBytes all memory that this process can ever have: the machine's, or its container's if that is less
 * @param gpuLimitBytes the most that the GPU of Apple silicon may hold, where a limit was set
 *     ({@code iogpu.wired_limit_mb}); macOS does not document its own, so that is not guessed
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
        @Nullable Integer performanceCores,
        @Nullable Integer efficiencyCores,
        @Nullable Long memoryBytes,
        @Nullable Long gpuLimitBytes,
        boolean appleSilicon,
        boolean translated) {

    private static final Pattern APPLE = Pattern.compile("Apple M(\\d{1,3})(?: (Pro|Max|Ultra))?");

    /**
     * The same with what MLX itself says that the GPU should hold at most, as a worker told it; a limit that was set
     * stays.
     */
    public Hardware withGpuLimit(long bytes) {
        return gpuLimitBytes != null
                ? this
                : new Hardware(
                        os,
                        architecture,
                        chip,
                        generation,
                        variant,
                        cores,
                        performanceCores,
                        efficiencyCores,
                        memoryBytes,
                        bytes,
                        appleSilicon,
                        translated);
    }

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
            String suffix = name.group(2);
            return suffix == null ? BASE : valueOf(suffix.toUpperCase(Locale.ROOT));
        }
    }

    static @Nullable Integer generation(@Nullable String chip) {
        Matcher name = APPLE.matcher(chip == null ? "" : chip);
        return name.matches() ? Integer.valueOf(name.group(1)) : null;
    }
}
