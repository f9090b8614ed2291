package io.github.mlx4j.error;

/** A worker process that ended while it had work to do. */
public final class WorkerDiedException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    private final int exitCode;
    private final String standardError;

    /** Creates it with the process's exit code and the last of what it wrote to its standard error. */
    public WorkerDiedException(String message, String hint, int exitCode, String standardError) {
        super("WORKER_DIED", Fault.BACKEND, message, hint, true, null);
        this.exitCode = exitCode;
        this.standardError = standardError;
    }

    /** The process's exit code; 128 and more usually mean a signal, 137 is SIGKILL. */
    public int exitCode() {
        return exitCode;
    }

    /** The last lines that the worker wrote to its standard error, at most 8 KiB. */
    public String standardError() {
        return standardError;
    }
}
