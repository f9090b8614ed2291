package io.github.mlx4j.internal.files;

import io.github.mlx4j.error.ConfigurationException;
import java.nio.charset.Charset;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Parses paths that a user wrote in a setting, an argument or a call. */
public final class UserPath {

    private UserPath() {}

    /**
     * Parses a path.
     *
     * @throws ConfigurationException if it is not a valid path, such as one with {@code é} in a POSIX locale
     */
    public static Path of(String text, String... more) {
        try {
            return Path.of(text, more);
        } catch (InvalidPathException invalid) {
            throw new ConfigurationException(
                    "'%s' is not a valid path: %s.".formatted(invalid.getInput(), why(invalid)), fix(invalid), invalid);
        }
    }

    /** Returns why the path is invalid. */
    public static String why(InvalidPathException invalid) {
        return isOfLocale(invalid)
                ? "the JVM's locale uses the character set %s, which lacks some of its characters".formatted(charset())
                : invalid.getReason();
    }

    /** Returns how to fix the path. */
    public static String fix(InvalidPathException invalid) {
        return isOfLocale(invalid)
                ? "Start Java with a UTF-8 locale, such as LC_ALL=C.UTF-8 (macOS: LC_ALL=en_US.UTF-8)."
                : "Correct the path.";
    }

    private static boolean isOfLocale(InvalidPathException invalid) {
        return invalid.getInput().chars().noneMatch(character -> character == 0);
    }

    /** Returns the character set of file names, which the JVM takes from the locale when it starts. */
    private static String charset() {
        return System.getProperty("sun.jnu.encoding", Charset.defaultCharset().name());
    }
}
