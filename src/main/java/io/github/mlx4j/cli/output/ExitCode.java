package io.github.mlx4j.cli.output;

/** The exit codes of all commands, besides picocli's own 0 for success and 2 for wrong usage. */
public final class ExitCode {

    /** The command failed; the message says why. */
    public static final int FAILED = 1;

    /** No provider is available here. */
    public static final int NOTHING_AVAILABLE = 3;

    private ExitCode() {}
}
