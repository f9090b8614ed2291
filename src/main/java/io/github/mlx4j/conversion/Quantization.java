package io.github.mlx4j.conversion;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.github.mlx4j.error.ConfigurationException;
import java.util.List;
import java.util.Locale;

/**
 * How weights are quantized: a group of values in a row shares a scale, and each keeps a few bits.
 *
 * @param bits of each value: 2, 3, 4, 5, 6 or 8 with {@link Mode#AFFINE}, else what the mode has
 * @param groupSize how many values share a scale: 32, 64 or 128 with {@link Mode#AFFINE}, else what the mode has
 * @param mode what is kept of a group
 */
public record Quantization(int bits, int groupSize, Mode mode) {

    /** 4 bits in groups of 64, as most models of the hub have them. */
    public static final Quantization DEFAULT = affine(4);

    /** What is kept of a group of values. */
    public enum Mode {
        /** A scale and an offset, of the weights' own type. */
        AFFINE(List.of(2, 3, 4, 5, 6, 8), List.of(32, 64, 128)),
        /** Floating-point values of 4 bits, with a power of two as scale. */
        MXFP4(List.of(4), List.of(32)),
        /** Floating-point values of 8 bits, with a power of two as scale. */
        MXFP8(List.of(8), List.of(32)),
        /** Floating-point values of 4 bits, with a scale of 8 bits. */
        NVFP4(List.of(4), List.of(16));

        private final List<Integer> bits;
        private final List<Integer> groupSizes;

        Mode(List<Integer> bits, List<Integer> groupSizes) {
            this.bits = bits;
            this.groupSizes = groupSizes;
        }

        /** The name as users write it: {@code affine}, {@code mxfp4}, {@code mxfp8}, {@code nvfp4}. */
        @JsonValue
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        @JsonCreator
        static Mode of(String id) {
            return valueOf(id.toUpperCase(Locale.ROOT));
        }
    }

    /** So many bits in groups of 64, with a scale and an offset for each. */
    public static Quantization affine(int bits) {
        return new Quantization(bits, 64, Mode.AFFINE);
    }

    /** The bits and groups that a mode has; with {@link Mode#AFFINE} 4 bits in groups of 64. */
    public static Quantization of(Mode mode) {
        return mode == Mode.AFFINE ? DEFAULT : new Quantization(mode.bits.get(0), mode.groupSizes.get(0), mode);
    }

    /** Refuses what the mode has not. */
    void check() {
        check("bits", bits, mode.bits);
        check("groupSize", groupSize, mode.groupSizes);
    }

    private void check(String name, int value, List<Integer> able) {
        if (!able.contains(value)) {
            throw new ConfigurationException(
                    "%s is %d, but the mode %s supports only %s.".formatted(name, value, mode.id(), able),
                    "Choose one of these values, or another mode.");
        }
    }
}
