package io.github.mlx4j.model;

/**
 * Something wrong with a folder that its files show, whichever worker loads it.
 *
 * @param code {@code UNSAFE_MODEL} or {@code MODEL_LOAD_FAILED}, as the error would have it
 * @param what what is wrong and why that matters, for people
 * @param fix what to do
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
