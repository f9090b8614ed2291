package io.github.mlx4j.error;

/**
 * Where a worker failed: the cause of an {@link Mlx4jException} that a worker answered with. Its message is Python's
 * traceback, at most 16,000 characters of its end. Errors that are about the request itself have none.
 */
public final class PythonTraceback extends Exception {

    private static final long serialVersionUID = 1L;

    /** With the traceback. */
    public PythonTraceback(String traceback) {
        super(traceback.strip(), null, false, false); // the Java stack is that of the reader, which explains nothing
    }
}
