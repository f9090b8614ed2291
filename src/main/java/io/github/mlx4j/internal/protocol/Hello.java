package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.event.WorkerStatus;
import org.jspecify.annotations.Nullable;

/**
 * A worker's first line, sent before it imports any large package.
 *
 * @param protocol its version of the protocol
 * @param worker its kind: {@code mlx}, {@code hf}
 * @param version its own version
 * @param pid its process ID
 * @param python its interpreter's version
 * @param platform Python's {@code sys.platform}
 * @param machine Python's {@code platform.machine()}
 * @param nonce the value of the worker's nonce argument, which proves that the worker wrote this line
 * @param sandbox the restrictions in effect, or {@code null} if the worker doesn't report them
 */
public record Hello(
        Version protocol,
        String worker,
        String version,
        long pid,
        String python,
        String platform,
        String machine,
        String nonce,
        WorkerStatus.@Nullable Sandbox sandbox) {

    /**
     * A version of the protocol. Both sides must use the same {@code major}; a higher {@code minor} only adds features.
     *
     * @param major changes when something that existed changes
     * @param minor changes when something is added
     */
    public record Version(int major, int minor) {

        /** The version that this library uses. */
        public static final Version CURRENT = new Version(1, 3);
    }
}
