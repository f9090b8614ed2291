package io.github.mlx4j.internal.protocol;

/** The limits of the protocol. Python has the same limits in {@code mlx4j_worker/bounds.py}; a test compares them. */
public final class Bounds {

    /** Maximum length of a line in bytes, without its LF, in both directions. */
    public static final int MAX_LINE_BYTES = 8 * 1024 * 1024;

    /** Maximum nesting depth of the JSON in a line, in both directions. The outermost object is level 1. */
    public static final int MAX_DEPTH = 128;

    /** Maximum absolute value of a number in a JSON schema: beyond it, a double can't hold every integer. */
    public static final long MAX_SCHEMA_NUMBER = (1L << 53) - 1;

    private Bounds() {}
}
