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
 * A worker's operating-system process and its three pipes, each with a daemon thread of its own: one reads lines, one
 * writes them, one drains the standard error. The process lives in a private folder that goes with it.
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

        /** A line. */
        void line(byte[] line);

        /** The beginning of a line that was too long and has been dropped. */
        void overlong(byte[] head);

        /** A line could not be read or handled, most likely for want of memory; whose it was is not known. */
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

    /** Tells of its exit code once, after the last line; here and now if it is gone already. */
    public void onExit(Consumer<Integer> action) {
        gone.thenRun(() -> action.accept(process.exitValue()));
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Queues a line for the writer thread; never waits. */
    public void send(byte[] line) {
        pipes.outbox.add(line);
    }

    /** The last of its standard error. */
    public String standardError() {
        return pipes.standardError.tail();
    }

    /**
     * Ends it: closes its standard input, which a healthy worker takes as the end; kills it where that doesn't help.
     */
    public void stop(Duration patience) {
        pipes.outbox.add(END);
        if (!goneWithin(patience)) {
            log.warn("{} (pid {}) did not end within {}, so it is killed", name, pid(), patience);
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

    /** Asks it to end with a SIGTERM, at which a worker writes its stacks; kills it if it doesn't. */
    public void terminate(Duration patience) {
        process.toHandle().destroy(); // Process.destroy() would close the pipes, and its last words be lost
        if (!goneWithin(patience)) {
            kill();
        }
    }

    /** Ends it and its children at once. */
    public void kill() {
        List<ProcessHandle> family = process.descendants().toList(); // before it is gone, and they are not its own
        process.toHandle().destroyForcibly();
        family.forEach(ProcessHandle::destroyForcibly);
    }

    private void killIfLingering() {
        try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                log.warn("{} (pid {}) closed its output but runs on, so it is killed", name, pid());
                kill();
            }
        } catch (InterruptedException interrupt) {
            kill();
        }
    }

    private void exited(Process gone) {
        pipes.awaitLastLines();
        pipes.outbox.add(END);
        folder.close(); // the watchdog removes it too
    }

    /** The raw pipes, as zt-exec hands them out; its own pumps wait and split in ways that a protocol can't afford. */
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

        /** A grandchild may hold a pipe open for ever: the wait is bounded. */
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
            int failures = 0; // without a line between them
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
                log.debug("{}: it reads no more", name, gone); // its exit ends whatever waits
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
