package io.github.mlx4j.answer;

import org.jspecify.annotations.Nullable;

/** JSON that does not fit a {@link Shape}, with the place and what is wrong there. */
final class Misfit extends Exception {

    private static final long serialVersionUID = 1L;

    private Misfit(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** At a place, such as {@code steps[2].title}; empty is the whole. */
    static Misfit at(String path, String message) {
        return at(path, message, null);
    }

    /** The same, for a reason. */
    static Misfit at(String path, String message, @Nullable Throwable cause) {
        return new Misfit(path.isEmpty() ? message : path + ": " + message, cause);
    }
}
