package io.github.mlx4j.model;

import io.github.mlx4j.port.ProviderKind;
import java.util.Set;

/**
 * Something that keeps a worker from loading a folder.
 *
 * @param blocks the workers that it keeps from it
 * @param code {@code UNSAFE_MODEL} or {@code MODEL_LOAD_FAILED}, as the error would have it
 * @param what what is wrong and why that matters, for people
 * @param fix what to do
 */
public record Problem(Set<ProviderKind> blocks, String code, String what, String fix) {

    /** The workers that load model folders. */
    static final Set<ProviderKind> BOTH = Set.of(ProviderKind.MLX, ProviderKind.HF);

    static final String UNSAFE = "UNSAFE_MODEL";
    private static final String BROKEN = "MODEL_LOAD_FAILED";

    /** Takes an immutable copy. */
    public Problem {
        blocks = Set.copyOf(blocks);
    }

    static Problem unsafe(String what, String fix) {
        return new Problem(BOTH, UNSAFE, what, fix);
    }

    static Problem broken(String what, String fix) {
        return new Problem(BOTH, BROKEN, what, fix);
    }

    /** The same, for one worker only. */
    Problem only(ProviderKind worker) {
        return new Problem(Set.of(worker), code, what, fix);
    }
}
