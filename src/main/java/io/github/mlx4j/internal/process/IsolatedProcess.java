package io.github.mlx4j.internal.process;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.StartedProcess;

/**
 * Runs a program, such as a Python script, until it exits. The program runs in a private, empty folder, which is also
 * its {@code TMPDIR}, so nothing in the JVM's current folder can affect it. The JVM's memory use is bounded, however
 * much the program prints.
 */
public final class IsolatedProcess {

    /** The timeout for a program that may run as long as it needs. */
    public static final Duration FOREVER = Duration.ofDays(365);

    private static final Duration END = Duration.ofSeconds(5);

    private IsolatedProcess() {}

    /** Runs a program with empty standard input. */
    public static int run(
            List<String> command,
            Map<String, String> environment,
            Duration patience,
            Consumer<String> output,
            Consumer<String> errors)
            throws IOException, TimeoutException, InterruptedException {
        return run(command, environment, new byte[0], patience, output, errors);
    }

    /**
     * Runs a program. If it exceeds the timeout or this thread is interrupted, the program and its children are killed.
     *
     * @param command the program and its arguments
     * @param environment its variables, as {@link WorkerEnvironment} returns them
     * @param input its standard input
     * @param output receives each line of its standard output, on another thread
     * @param errors receives each line of its standard error, on another thread
     * @return its exit code
     * @throws IOException if it can't be started
     * @throws TimeoutException if it did not exit within {@code patience}
     * @throws InterruptedException if this thread was interrupted while waiting
     */
    public static int run(
            List<String> command,
            Map<String, String> environment,
            byte[] input,
            Duration patience,
            Consumer<String> output,
            Consumer<String> errors)
            throws IOException, TimeoutException, InterruptedException {
        try (PrivateFolder folder = PrivateFolder.create("run");
                BoundedLines out = new BoundedLines(output);
                BoundedLines err = new BoundedLines(errors)) {
            StartedProcess started = new ProcessExecutor(command)
                    .directory(folder.path().toFile())
                    .environment(environment)
                    .environment(folder.asTemporary())
                    .redirectErrorStream(false)
                    .redirectInput(new ByteArrayInputStream(input))
                    .redirectOutput(out)
                    .redirectError(err)
                    .destroyOnExit()
                    .setMessageLogger(MessageLoggers.NOP) // it would log the environment
                    .exitValueAny()
                    .start();
            return await(started, patience);
        } catch (IOException error) {
            throw error.getCause() instanceof IOException plain ? plain : error; // zt-exec adds command and environment
        }
    }

    /** Collects the first lines, joined by spaces, up to a maximum number of characters. Thread-safe. */
    public static final class Excerpt implements Consumer<String> {

        private final StringBuilder text = new StringBuilder();
        private final int maxLength;

        /** Creates an excerpt of at most {@code maxLength} characters. */
        public Excerpt(int maxLength) {
            this.maxLength = maxLength;
        }

        @Override
        public synchronized void accept(String line) {
            int room = maxLength - text.length();
            if (room > 0) {
                text.append(line, 0, Math.min(room, line.length())).append(' ');
            }
        }

        @Override
        public synchronized String toString() {
            return text.toString().strip();
        }
    }

    private static int await(StartedProcess started, Duration patience)
            throws IOException, TimeoutException, InterruptedException {
        try {
            return started.getFuture()
                    .get(patience.toMillis(), TimeUnit.MILLISECONDS)
                    .getExitValue();
        } catch (ExecutionException error) {
            throw new IOException(error.getCause());
        } catch (TimeoutException | InterruptedException early) {
            Process process = started.getProcess();
            List<ProcessHandle> children = process.descendants().toList(); // before the parent exits
            process.destroyForcibly();
            children.forEach(ProcessHandle::destroyForcibly);
            if (early instanceof TimeoutException) {
                process.waitFor(END.toMillis(), TimeUnit.MILLISECONDS);
            }
            throw early;
        }
    }
}
