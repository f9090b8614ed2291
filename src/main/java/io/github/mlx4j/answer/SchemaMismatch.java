package io.github.mlx4j.answer;

import org.jspecify.annotations.Nullable;

/** JSON that does not fit a {@link Shape}, with the place and what is wrong there. */
final class SchemaMismatch extends Exception {

    private static final long serialVersionUID = 1L;

    private SchemaMismatch(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** At a place, such as {@code steps[2].title}; empty is the whole. */
    static SchemaMismatch at(String path, String message) {
        return at(path, message, null);
    }

    /** The same, for a reason. */
    static SchemaMismatch at(String path, String message, @Nullable Throwable cause) {
        return new SchemaMismatch(path.isEmpty() ? message : path + ": " + message, cause);
    }
}
