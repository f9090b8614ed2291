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
 * Runs a program, such as a Python script, to its end: in a private, empty folder, which is also its {@code TMPDIR},
 * and in bounded memory whatever it prints. Nothing in the current folder of this JVM can change what it does.
 */
public final class IsolatedProcess {

    /** The patience for a program that takes as long as it takes. */
    public static final Duration FOREVER = Duration.ofDays(365);

    private static final Duration END = Duration.ofSeconds(5);

    private IsolatedProcess() {}

    /** Runs it with an empty standard input. */
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
     * Runs it. When it is late or this thread is interrupted, it is killed together with its children.
     *
     * @param command the program and its arguments
     * @param environment its variables, as {@link WorkerEnvironment} gives them
     * @param input its standard input
     * @param output receives each line of its standard output, on another thread
     * @param errors receives each line of its standard error, on another thread
     * @return its exit code
     * @throws IOException if it can't be started
     * @throws TimeoutException if it did not end within {@code patience}
     * @throws InterruptedException if this thread was interrupted meanwhile
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

    /** Keeps the first lines, joined by spaces, up to a number of characters. Thread-safe. */
    public static final class Excerpt implements Consumer<String> {

        private final StringBuilder text = new StringBuilder();
        private final int maxLength;

        /** Creates it. */
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
            List<ProcessHandle> children = process.descendants().toList(); // before it is gone
            process.destroyForcibly();
            children.forEach(ProcessHandle::destroyForcibly);
            if (early instanceof TimeoutException) {
                process.waitFor(END.toMillis(), TimeUnit.MILLISECONDS);
            }
            throw early;
        }
    }
}
