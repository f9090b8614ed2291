package io.github.mlx4j.cli.output;

import io.github.mlx4j.error.Mlx4jException;

/** The exit codes of all commands; each command's help describes them. */
public final class ExitCode {

    /** The command succeeded; also picocli's code after {@code --help}. */
    public static final int DONE = 0;

    /** The command failed; the message says why. */
    public static final int FAILED = 1;

    /** Invalid usage; also picocli's own code. */
    public static final int WRONG_USAGE = 2;

    /** No provider is available. */
    public static final int NOTHING_AVAILABLE = 3;

    private ExitCode() {}

    /** Returns the exit code of a command that failed with this error. */
    public static int of(Mlx4jException error) {
        return error.code().equals("NO_PROVIDER_AVAILABLE") ? NOTHING_AVAILABLE : FAILED;
    }
}
