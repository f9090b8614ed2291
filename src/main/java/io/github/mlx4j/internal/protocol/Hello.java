package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.event.WorkerStatus;
import org.jspecify.annotations.Nullable;

/**
 * A worker's first line, before it imports anything heavy.
 *
 * @param protocol the version that it speaks
 * @param worker its kind: {@code mlx}, {@code hf}
 * @param version its own version
 * @param pid its process id
 * @param python its interpreter's version
 * @param platform Python's {@code sys.platform}
 * @param machine Python's {@code platform.machine()}
 * @param nonce what it was given as argument: proof that this line is its own
 * @param sandbox what the system keeps it from doing, or {@code null} if it doesn't say
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
     * A version of the protocol. Both sides must agree on {@code major}; a higher {@code minor} only adds.
     *
     * @param major changes when something that existed changes
     * @param minor changes when something is added
     */
    public record Version(int major, int minor) {

        /** The version that this side speaks. */
        public static final Version CURRENT = new Version(1, 3);
    }
}
