package io.github.mlx4j.internal.worker;

import io.github.mlx4j.internal.protocol.ProtocolVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.ExecuteStreamHandler;

/**
 * A worker's operating-system process and its three pipes, each with a daemon thread of its own: one reads lines, one
 * writes them, one drains the standard error. The process lives in a private folder that goes with it.
 */
final class WorkerProcess {

    /** The longest line that either side accepts. */
    static final int MAX_LINE_BYTES = 8 * 1024 * 1024;

    private static final Duration LAST_LINES = Duration.ofSeconds(1);
    private static final Logger log = LoggerFactory.getLogger(WorkerProcess.class);
    private static final byte[] END = new byte[0];

    private final String name;
    private final Path folder;
    private final Pipes pipes;
    private final Process process;
    private final CompletableFuture<Void> gone;

    private WorkerProcess(String name, Path folder, Pipes pipes, Process process) {
        this.name = name;
        this.folder = folder;
        this.pipes = pipes;
        this.process = process;
        this.gone = process.onExit().thenAcceptAsync(this::exited, task -> daemon(name + "-exit", task));
    }

    /**
     * Starts a process. {@code onLine} hears each line of its standard output, on the reader thread.
     *
     * @throws IOException if it can't be started
     */
    static WorkerProcess start(WorkerLaunch launch, String nonce, Consumer<byte[]> onLine) throws IOException {
        String name = "mlx4j-" + launch.kind().id();
        Path folder = Files.createTempDirectory(name + "-"); // rwx for the owner alone
        try {
            Path script = launch.scripts().install(Files.createDirectory(folder.resolve("scripts")));
            Path home = Files.createDirectory(folder.resolve("cwd"));
            Pipes pipes = new Pipes(name, onLine);
            List<String> command = new ArrayList<>(launch.python());
            command.addAll(List.of("-I", "-X", "utf8", "-u", script.toString(), nonce, folder.toString()));
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
            log.debug("{} started: pid {}, protocol {}", name, process.pid(), ProtocolVersion.CURRENT);
            return worker;
        } catch (IOException error) {
            delete(folder);
            throw error.getCause() instanceof IOException plain ? plain : error; // zt-exec adds the environment to it
        } catch (RuntimeException error) {
            delete(folder);
            throw error;
        }
    }

    /** Tells of its exit code once, after the last line; here and now if it is gone already. */
    void onExit(Consumer<Integer> action) {
        gone.thenRun(() -> action.accept(process.exitValue()));
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Queues a line for the writer thread; never waits. */
    void send(byte[] line) {
        pipes.outbox.add(line);
    }

    /** The last of its standard error. */
    String standardError() {
        return pipes.standardError.tail();
    }

    /**
     * Ends it: closes its standard input, which a healthy worker takes as the end; kills it where that doesn't help.
     */
    void stop(Duration patience) {
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
    void terminate(Duration patience) {
        process.toHandle().destroy(); // Process.destroy() would close the pipes, and its last words be lost
        if (!goneWithin(patience)) {
            kill();
        }
    }

    /** Ends it and its children at once. */
    void kill() {
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
        delete(folder);
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException error) { // its watchdog removes it too
            log.debug("{} is left behind", folder, error);
        }
    }

    private static Thread daemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** The raw pipes, as zt-exec hands them out; its own pumps wait and split in ways that a protocol can't afford. */
    private static final class Pipes implements ExecuteStreamHandler {

        private final BlockingQueue<byte[]> outbox = new LinkedBlockingQueue<>();
        private final StandardError standardError = new StandardError();
        private final String name;
        private final Consumer<byte[]> onLine;
        private final CompletableFuture<Runnable> onEnd = new CompletableFuture<>();
        private OutputStream stdin = OutputStream.nullOutputStream();
        private InputStream stdout = InputStream.nullInputStream();
        private InputStream stderr = InputStream.nullInputStream();
        private List<Thread> readers = List.of();

        Pipes(String name, Consumer<byte[]> onLine) {
            this.name = name;
            this.onLine = onLine;
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
                    daemon(name + "-reader", this::read), daemon(name + "-stderr", () -> standardError.drain(stderr)));
            daemon(name + "-writer", this::write);
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
            LineReader lines = new LineReader(stdout, MAX_LINE_BYTES);
            try {
                for (byte[] line = lines.next(); line != null; line = lines.next()) {
                    onLine.accept(line);
                }
            } catch (IOException gone) {
                log.debug("{}: its output ended", name, gone);
            }
            if (lines.overlong() > 0) {
                log.warn(
                        "{}: {} lines were longer than {} bytes and were dropped",
                        name,
                        lines.overlong(),
                        MAX_LINE_BYTES);
            }
            onEnd.thenAcceptAsync(Runnable::run, task -> daemon(name + "-end", task));
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
