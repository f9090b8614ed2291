package io.github.mlx4j.device;

import java.util.Locale;

/** Formats memory sizes for display. */
public final class ByteText {

    private ByteText() {}

    /** Formats a size in GB (10⁹ bytes) or, if it is smaller than that, in MB (10⁶ bytes) or bytes: {@code 7.6 GB}. */
    public static String text(long bytes) {
        if (Math.abs(bytes) >= 1_000_000_000) {
            return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
        }
        return Math.abs(bytes) >= 1_000_000
                ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%,d bytes", bytes);
    }
}
