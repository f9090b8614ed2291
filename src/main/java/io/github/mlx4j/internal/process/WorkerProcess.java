package io.github.mlx4j.internal.process;

import io.github.mlx4j.internal.protocol.Bounds;
import io.github.mlx4j.internal.protocol.Hello;
import io.github.mlx4j.internal.threads.Daemons;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.ExecuteStreamHandler;

/**
 * A worker's operating system process and its three pipes. Each pipe has a daemon thread: one reads lines, one writes
 * lines, one drains standard error. The process runs in a private folder that is deleted after it.
 */
public final class WorkerProcess {

    private static final Duration LAST_LINES = Duration.ofSeconds(1);
    private static final Logger log = LoggerFactory.getLogger(WorkerProcess.class);
    private static final byte[] END = new byte[0];
    private static final int MAX_FAILURES = 3;

    private final String name;
    private final PrivateFolder folder;
    private final Pipes pipes;
    private final Process process;
    private final CompletableFuture<Void> gone;

    private WorkerProcess(String name, PrivateFolder folder, Pipes pipes, Process process) {
        this.name = name;
        this.folder = folder;
        this.pipes = pipes;
        this.process = process;
        this.gone = process.onExit().thenAcceptAsync(this::exited, task -> Daemons.start(name + "-exit", task));
    }

    /** Receives what a process writes to its standard output, on the reader thread. */
    public interface Output {

        /** Receives a line. */
        void line(byte[] line);

        /** Receives the beginning of a line that was too long and has been dropped. */
        void overlong(byte[] head);

        /**
         * Notifies that a line could not be read or handled, most likely for lack of memory. It is unknown which call
         * it belonged to.
         */
        void unread(Throwable why);
    }

    /**
     * Starts a process.
     *
     * @throws IOException if it can't be started
     */
    public static WorkerProcess start(WorkerLaunch launch, String nonce, Output output) throws IOException {
        String name = "mlx4j-" + launch.kind().id();
        PrivateFolder folder = PrivateFolder.ofWorker(launch.kind().id());
        try {
            Path scripts = Files.createDirectory(folder.path().resolve("scripts"));
            Path script = launch.scripts().install(scripts, launch.interpreter());
            Path home = Files.createDirectory(folder.path().resolve("cwd"));
            Pipes pipes = new Pipes(name, output);
            List<String> command = new ArrayList<>(launch.python());
            command.addAll(List.of(
                    "-I",
                    "-X",
                    "utf8",
                    "-u",
                    script.toString(),
                    nonce,
                    folder.path().toString(),
                    launch.sandbox().argument()));
            Process process = new ProcessExecutor(command)
                    .directory(home.toFile())
                    .environment(launch.variables(System.getenv(), System.getProperties()))
                    .redirectErrorStream(false)
                    .streams(pipes)
                    .closeTimeout(2, TimeUnit.SECONDS)
                    .setMessageLogger(MessageLoggers.NOP) // it would log the environment
                    .exitValueAny()
                    .start()
                    .getProcess();
            WorkerProcess worker = new WorkerProcess(name, folder, pipes, process);
            pipes.onEnd(worker::killIfLingering);
            log.debug("{} started: pid {}, protocol {}", name, process.pid(), Hello.Version.CURRENT);
            return worker;
        } catch (IOException error) {
            folder.close();
            throw error.getCause() instanceof IOException plain ? plain : error; // zt-exec adds the environment to it
        } catch (RuntimeException error) {
            folder.close();
            throw error;
        }
    }

    /** Calls an action once with the exit code, after the last line; immediately if the process has already exited. */
    public void onExit(Consumer<Integer> action) {
        gone.thenRun(() -> action.accept(process.exitValue()));
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Queues a line for the writer thread; never blocks. */
    public void send(byte[] line) {
        pipes.outbox.add(line);
    }

    /** Returns the end of standard error. */
    public String standardError() {
        return pipes.standardError.tail();
    }

    /** Closes standard input, which ends a healthy worker; kills the process if it does not exit in time. */
    public void stop(Duration patience) {
        pipes.outbox.add(END);
        if (!goneWithin(patience)) {
            log.warn("{} (pid {}) did not exit within {}; killing it", name, pid(), patience);
            kill();
            goneWithin(patience);
        }
    }

    private boolean goneWithin(Duration patience) {
        try {
            gone.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException late) {
            return false;
        } catch (InterruptedException interrupt) {
            kill();
            Thread.currentThread().interrupt();
            return true;
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /**
     * Sends a SIGTERM, upon which a worker writes its stack traces and exits; kills the process if it does not exit in
     * time.
     */
    public void terminate(Duration patience) {
        process.toHandle().destroy(); // Process.destroy() would close the pipes and lose the last output
        if (!goneWithin(patience)) {
            kill();
        }
    }

    /** Kills the process and its children immediately. */
    public void kill() {
        List<ProcessHandle> family = process.descendants().toList(); // afterwards they are no longer its children
        process.toHandle().destroyForcibly();
        family.forEach(ProcessHandle::destroyForcibly);
    }

    private void killIfLingering() {
        try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                log.warn("{} (pid {}) closed its output but is still running; killing it", name, pid());
                kill();
            }
        } catch (InterruptedException interrupt) {
            kill();
        }
    }

    private void exited(Process gone) {
        pipes.awaitLastLines();
        pipes.outbox.add(END);
        folder.close(); // the watchdog deletes it too
    }

    /** The raw pipes from zt-exec, whose own pumps block and split lines in ways that the protocol can't tolerate. */
    private static final class Pipes implements ExecuteStreamHandler {

        private final BlockingQueue<byte[]> outbox = new LinkedBlockingQueue<>();
        private final StandardError standardError = new StandardError();
        private final String name;
        private final Output output;
        private final CompletableFuture<Runnable> onEnd = new CompletableFuture<>();
        private OutputStream stdin = OutputStream.nullOutputStream();
        private InputStream stdout = InputStream.nullInputStream();
        private InputStream stderr = InputStream.nullInputStream();
        private List<Thread> readers = List.of();

        Pipes(String name, Output output) {
            this.name = name;
            this.output = output;
        }

        @Override
        public void setProcessInputStream(OutputStream stream) {
            stdin = stream;
        }

        @Override
        public void setProcessOutputStream(InputStream stream) {
            stdout = stream;
        }

        @Override
        public void setProcessErrorStream(InputStream stream) {
            stderr = stream;
        }

        @Override
        public void start() {
            readers = List.of(
                    Daemons.start(name + "-reader", this::read),
                    Daemons.start(name + "-stderr", () -> standardError.drain(stderr)));
            Daemons.start(name + "-writer", this::write);
        }

        @Override
        public void stop() {
            awaitLastLines(); // zt-exec closes the streams next
        }

        void onEnd(Runnable action) {
            onEnd.complete(action);
        }

        /** Waits a limited time, because a grandchild may keep a pipe open forever. */
        void awaitLastLines() {
            try {
                for (Thread reader : readers) {
                    reader.join(LAST_LINES.toMillis());
                }
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
            }
        }

        private void read() {
            LineReader lines = new LineReader(stdout, Bounds.MAX_LINE_BYTES, output::overlong);
            int failures = 0; // since the last line
            try {
                while (failures < MAX_FAILURES) {
                    try {
                        byte[] line = lines.next();
                        if (line == null) {
                            break;
                        }
                        output.line(line);
                        failures = 0;
                    } catch (Throwable unread) { // an OutOfMemoryError too: callers wait for what this thread reads
                        if (unread instanceof IOException) {
                            log.debug("{}: its output ended", name, unread);
                            break;
                        }
                        failures++;
                        output.unread(unread);
                    }
                }
            } finally {
                onEnd.thenAcceptAsync(Runnable::run, task -> Daemons.start(name + "-end", task));
            }
        }

        private void write() {
            try (OutputStream out = stdin) {
                for (byte[] line = outbox.take(); line != END; line = outbox.take()) {
                    out.write(line);
                    out.flush();
                }
            } catch (IOException gone) {
                log.debug("{}: it no longer reads its input", name, gone); // its exit ends whatever waits
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
