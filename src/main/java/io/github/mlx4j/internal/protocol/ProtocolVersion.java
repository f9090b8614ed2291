package io.github.mlx4j.internal.protocol;

/**
 * A version of the protocol. Both sides must agree on {@code major}; a higher {@code minor} only adds.
 *
 * @param major changes when something that existed changes
 * @param minor changes when something is added
 */
public record ProtocolVersion(int major, int minor) {

    /** The version that this side speaks. */
    public static final ProtocolVersion CURRENT = new ProtocolVersion(1, 3);
}
