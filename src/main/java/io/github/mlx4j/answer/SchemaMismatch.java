package io.github.mlx4j.answer;

import org.jspecify.annotations.Nullable;

/** Thrown when JSON does not match a {@link Shape}. The message contains the path and the problem. */
final class SchemaMismatch extends Exception {

    private static final long serialVersionUID = 1L;

    private SchemaMismatch(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Creates an exception for a path such as {@code steps[2].title}; an empty path means the whole value. */
    static SchemaMismatch at(String path, String message) {
        return at(path, message, null);
    }

    /** Creates an exception for a path, with a cause. */
    static SchemaMismatch at(String path, String message, @Nullable Throwable cause) {
        return new SchemaMismatch(path.isEmpty() ? message : path + ": " + message, cause);
    }
}
