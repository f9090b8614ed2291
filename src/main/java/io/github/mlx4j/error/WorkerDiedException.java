package io.github.mlx4j.error;

/** Thrown when a worker process ended while it had work to do. */
public final class WorkerDiedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final int exitCode;
    private final String standardError;

    /** Creates an exception with the exit code of the process and the end of its standard error output. */
    public WorkerDiedException(String message, String hint, int exitCode, String standardError) {
        super("WORKER_DIED", Fault.BACKEND, message, hint, true, null);
        this.exitCode = exitCode;
        this.standardError = standardError;
    }

    /** Returns the exit code of the process. Values of 128 and above usually indicate a signal; 137 is SIGKILL. */
    public int exitCode() {
        return exitCode;
    }

    /** Returns the last lines of the worker's standard error output, at most 8 KiB. */
    public String standardError() {
        return standardError;
    }
}
