package io.github.mlx4j.error;

/**
 * The location of a failure in a worker, as the cause of the {@link Mlx4jException} that reports it. The message is the
 * Python traceback, limited to its last 16,000 characters. Errors caused by the request itself have no traceback.
 */
public final class PythonTraceback extends Exception {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with a Python traceback as the message. */
    public PythonTraceback(String traceback) {
        super(
                traceback.strip(),
                null,
                false,
                false); // no Java stack trace: it would only show the thread that reads answers
    }
}
