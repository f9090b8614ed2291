package io.github.mlx4j.conversion;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.github.mlx4j.error.ConfigurationException;
import java.util.List;
import java.util.Locale;

/**
 * How weights are quantized: each value is stored in a few bits, and a group of values in a row shares a scale.
 *
 * @param bits the bits per value: 2, 3, 4, 5, 6 or 8 with {@link Mode#AFFINE}, otherwise as defined by the mode
 * @param groupSize how many values share a scale: 32, 64 or 128 with {@link Mode#AFFINE}, otherwise as defined by the
 *     mode
 * @param mode how a group is stored
 */
public record Quantization(int bits, int groupSize, Mode mode) {

    /** 4 bits in groups of 64, like most quantized models on the hub. */
    public static final Quantization DEFAULT = affine(4);

    /** How a group of values is stored. */
    public enum Mode {
        /** With a scale and an offset in the weights' own type. */
        AFFINE(List.of(2, 3, 4, 5, 6, 8), List.of(32, 64, 128)),
        /** As 4-bit floating-point values, with a power of two as the scale. */
        MXFP4(List.of(4), List.of(32)),
        /** As 8-bit floating-point values, with a power of two as the scale. */
        MXFP8(List.of(8), List.of(32)),
        /** As 4-bit floating-point values, with an 8-bit scale. */
        NVFP4(List.of(4), List.of(16));

        private final List<Integer> bits;
        private final List<Integer> groupSizes;

        Mode(List<Integer> bits, List<Integer> groupSizes) {
            this.bits = bits;
            this.groupSizes = groupSizes;
        }

        /** Returns the name as users write it: {@code affine}, {@code mxfp4}, {@code mxfp8} or {@code nvfp4}. */
        @JsonValue
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        @JsonCreator
        static Mode of(String id) {
            return valueOf(id.toUpperCase(Locale.ROOT));
        }
    }

    /** Returns an affine quantization with the given number of bits in groups of 64. */
    public static Quantization affine(int bits) {
        return new Quantization(bits, 64, Mode.AFFINE);
    }

    /**
     * Returns a quantization with the bits and group size of a mode; for {@link Mode#AFFINE}, 4 bits in groups of 64.
     */
    public static Quantization of(Mode mode) {
        return mode == Mode.AFFINE ? DEFAULT : new Quantization(mode.bits.get(0), mode.groupSizes.get(0), mode);
    }

    /** Checks that the mode supports the bits and the group size. */
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
