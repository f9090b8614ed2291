package io.github.mlx4j.model;

/**
 * A problem that is visible in the files of a folder, independent of the worker that loads it.
 *
 * @param code {@code UNSAFE_MODEL} or {@code MODEL_LOAD_FAILED}: the code of the exception that loading would throw
 * @param what what is wrong and why it matters, in human-readable form
 * @param fix what to do about it
 */
public record Problem(String code, String what, String fix) {

    static final String UNSAFE = "UNSAFE_MODEL";
    private static final String BROKEN = "MODEL_LOAD_FAILED";

    static Problem unsafe(String what, String fix) {
        return new Problem(UNSAFE, what, fix);
    }

    static Problem broken(String what, String fix) {
        return new Problem(BROKEN, what, fix);
    }
}
