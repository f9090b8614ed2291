package io.github.mlx4j.internal.protocol;

import java.util.List;
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
 * @param sandbox what it can't do, or {@code null} if it doesn't say
 */
public record Hello(
        ProtocolVersion protocol,
        String worker,
        String version,
        long pid,
        String python,
        String platform,
        String machine,
        String nonce,
        @Nullable Sandbox sandbox) {

    /**
     * What the system takes away from it.
     *
     * @param files what restricts writing, {@code open} or {@code none}
     * @param network what takes the network away, {@code open} or {@code none}
     * @param missing what was to be taken away but isn't, and why
     */
    public record Sandbox(String files, String network, List<String> missing) {}
}
