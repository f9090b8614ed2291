package io.github.mlx4j.internal.protocol;

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
 */
public record Hello(
        ProtocolVersion protocol,
        String worker,
        String version,
        long pid,
        String python,
        String platform,
        String machine,
        String nonce) {}
