package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.process.WorkerProcess;
import io.github.mlx4j.internal.protocol.Bounds;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.Hello;
import io.github.mlx4j.internal.protocol.Inbound;
import io.github.mlx4j.internal.protocol.Inbound.LogLine;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.Pong;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.WorkerCall;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends calls to one worker process. Every call completes exactly once: with its answer, or with an error, for example
 * if the process dies. Thread-safe.
 */
public final class WorkerClient {

    private static final int MAX_JUNK_LINES = 64;
    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final Logger log = LoggerFactory.getLogger("io.github.mlx4j.worker");

    private final WorkerLaunch launch;
    private final String nonce = UUID.randomUUID().toString();
    private final CompletableFuture<Hello> hello = new CompletableFuture<>();
    private final Map<String, Open<?>> open = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final AtomicInteger junk = new AtomicInteger();
    private final AtomicReference<@Nullable Mlx4jException> end = new AtomicReference<>();
    private final CompletableFuture<Mlx4jException> ending = new CompletableFuture<>();
    private final AtomicReference<@Nullable String> hang = new AtomicReference<>();
    private final WorkerProcess process;
    private volatile long lastHeard = System.nanoTime();
    private volatile long lastWork = System.nanoTime();
    private volatile @Nullable HangWatch watch;
    private volatile @Nullable MemoryWatch memoryWatch;
    private volatile @Nullable WorkerMemory memory;
    private volatile @Nullable Mlx4jException unread; // why some of its output was lost
    private volatile boolean wanted; // whether we ended it

    /** A call without a response. */
    private static final class Open<T> {

        private final WorkerCall<T> call;
        private final Reply<? super T> reply;
        private volatile boolean queued; // for the worker
        private volatile long queuedAt;

        Open(WorkerCall<T> call, Reply<? super T> reply) {
            this.call = call;
            this.reply = reply;
        }

        boolean usesEngine() {
            return call.method().usesEngine();
        }

        void notified(String method, JsonNode params) {
            reply.notified(method, params);
        }

        void answered(JsonNode result) {
            reply.answered(call.read(result));
        }

        void failed(Mlx4jException error) {
            reply.failed(error);
        }

        void queued() {
            queuedAt = System.nanoTime();
            queued = true;
        }

        boolean wasQueuedBefore(long moment) {
            return queued && queuedAt - moment < 0;
        }
    }

    private WorkerClient(WorkerLaunch launch) throws IOException {
        this.launch = launch;
        this.process = WorkerProcess.start(launch, nonce, new Output());
        this.process.onExit(this::exited); // after the previous line, because the process may exit immediately
    }

    /**
     * Starts a process and returns at once.
     *
     * @throws IOException if the process can't be started
     */
    public static WorkerClient start(WorkerLaunch launch) throws IOException {
        return new WorkerClient(launch);
    }

    /**
     * Returns the worker's first line. Fails with a {@link Mlx4jException} if the process ends before it, or uses
     * another protocol.
     */
    public CompletableFuture<Hello> hello() {
        return hello;
    }

    /** Returns the process ID. */
    public long pid() {
        return process.pid();
    }

    /** Returns whether the worker can still answer calls. */
    public boolean isAlive() {
        return end.get() == null && process.isAlive();
    }

    /**
     * Sends a call and returns its ID for {@link #cancel}. {@code reply} receives the result, or the error if the call
     * can't be sent. Never blocks and never throws.
     */
    public <T> String call(WorkerCall<T> call, Reply<? super T> reply) {
        String id = Long.toString(ids.incrementAndGet());
        Open<T> entry = new Open<>(call, reply);
        open.put(id, entry);
        try {
            process.send(call.line(id));
            entry.queued();
        } catch (Throwable unsent) { // otherwise nobody would complete this call
            fail(id, Mlx4jException.of(unsent));
            return id;
        }
        lastWork = entry.usesEngine() ? System.nanoTime() : lastWork;
        Mlx4jException ended = end.get();
        if (ended != null) { // it may have ended between the two lines above
            fail(id, ended);
        }
        return id;
    }

    /**
     * Sends a call. The listener receives its progress on the worker's reader thread; if it throws, the call fails with
     * {@link CancelledException}. Never blocks and never throws.
     */
    public <T> Sent<T> send(WorkerCall<T> call, Consumer<Progress> onProgress) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        String id = call(call, new Reply<T>() {
            @Override
            public void notified(String method, JsonNode params) {
                Progress progress = Codec.read(params, Progress.class);
                try {
                    onProgress.accept(progress);
                } catch (Throwable thrown) {
                    throw CancelledException.afterCallbackThrew(thrown);
                }
            }

            @Override
            public void answered(T result) {
                answer.complete(result);
            }

            @Override
            public void failed(Mlx4jException error) {
                answer.completeExceptionally(error);
            }
        });
        return new Sent<>(this, id, answer);
    }

    /**
     * Asks the worker to cancel a call. The worker responds with an error, or with a result that was already on its
     * way. Never blocks.
     */
    public void cancel(String id) {
        if (open.containsKey(id)) {
            process.send(cancelOf(id));
        }
    }

    /** Starts to monitor the worker; {@code onIdle} is called when it has been idle for too long. */
    void watch(WorkerLimits limits, Runnable onIdle) {
        HangWatch started = new HangWatch(this, limits, onIdle);
        watch = started;
        started.start("mlx4j-" + launch.kind().id() + "-watch");
        Consumer<WorkerMemory> onMemory = limits.onMemory();
        if (onMemory != null) {
            MemoryWatch telling = new MemoryWatch(this, limits.memoryPeriod(), onMemory);
            memoryWatch = telling;
            telling.start("mlx4j-" + launch.kind().id() + "-memory");
        }
        if (end.get() != null) { // it may have ended before monitoring started
            stopWatching();
        }
    }

    private void stopWatching() {
        HangWatch watching = watch;
        if (watching != null) {
            watching.stop();
        }
        MemoryWatch telling = memoryWatch;
        if (telling != null) {
            telling.stop();
        }
    }

    /** Sends a ping. Fails with a {@link Mlx4jException} if the worker ends before it answers. Never blocks. */
    CompletableFuture<Pong> ping() {
        WorkerCall<Pong> call = WorkerCall.of(Method.PING, Pong.class).map(pong -> {
            memory = pong.memory() == null ? memory : pong.memory();
            return pong;
        });
        return send(call, progress -> {}).answer();
    }

    /** Returns the memory use in the last answer to a ping. */
    Optional<WorkerMemory> memory() {
        return Optional.ofNullable(memory);
    }

    /** Returns the number of requests without an answer. */
    public int openWork() {
        return (int) open.values().stream().filter(Open::usesEngine).count();
    }

    /** Returns the number of unanswered requests that were queued for the worker before this moment. */
    int openWorkBefore(long moment) {
        return (int) open.values().stream()
                .filter(call -> call.usesEngine() && call.wasQueuedBefore(moment))
                .count();
    }

    /** Returns when the worker last wrote a line, by {@link System#nanoTime()}. */
    long lastHeard() {
        return lastHeard;
    }

    /** Returns when the worker last received a request, by {@link System#nanoTime()}. */
    long lastWork() {
        return lastWork;
    }

    /**
     * Registers a listener that receives the reason when the worker ends, unless it was ended on purpose. If it has
     * already ended, the listener is called immediately.
     */
    void onEnd(Consumer<Mlx4jException> listener) {
        ending.whenComplete((reason, never) -> {
            if (!wanted) {
                listener.accept(reason);
            }
        });
    }

    /** Ends a hung worker; open calls fail with its last stack traces. */
    void hung(String how) {
        if (hang.compareAndSet(null, how)) {
            log.warn(
                    "The {} worker (pid {}) hangs ({}); stopping it",
                    launch.kind().id(),
                    pid(),
                    how);
            process.terminate(PATIENCE);
        }
    }

    /** Ends an idle worker; a request that arrives at this moment fails with an error that asks to retry. */
    void stopIdle() {
        wanted = true;
        endWith(WorkerErrors.stopped(launch.kind())); // its caller sends a request at this moment again
        process.stop(PATIENCE);
    }

    /** Ends the process; open calls fail. Takes at most two seconds if the worker is healthy, otherwise four. */
    public void close() {
        wanted = true;
        endWith(new ClosedException("The " + launch.kind().id() + " worker was closed.", ""));
        process.stop(PATIENCE);
    }

    /** Handles the worker's lines, on the reader thread. */
    private final class Output implements WorkerProcess.Output {

        @Override
        public void line(byte[] line) {
            lastHeard = System.nanoTime();
            Inbound message = Codec.decode(line);
            if (unread != null) {
                unread = null; // output is readable again
            }
            try {
                handle(message, line);
            } catch (RuntimeException senseless) { // a general notification, such as a hello without a nonce
                junk(senseless.toString());
            }
        }

        private void handle(Inbound message, byte[] line) {
            if (message instanceof Inbound.Notification notification) {
                notified(notification);
            } else if (message instanceof Inbound.Answer answer) {
                answered(answer);
            } else if (message instanceof Inbound.Failure failure) {
                failed(failure);
            } else if (message instanceof Inbound.Junk bad) {
                junk(bad.reason());
                unreadable(line, bad.reason());
            }
        }

        @Override
        public void overlong(byte[] head) {
            lastHeard = System.nanoTime();
            String reason = "longer than %,d bytes".formatted(Bounds.MAX_LINE_BYTES);
            log.warn("The {} worker wrote a line that is {}", launch.kind().id(), reason);
            unreadable(head, reason);
        }

        /** Fails all open calls, because one of them may be waiting for the lost line. The worker itself is healthy. */
        @Override
        public void unread(Throwable why) {
            Mlx4jException error = Mlx4jException.of(why);
            unread = error;
            open.keySet().forEach(id -> abort(id, error)); // first, because logging needs memory too
            log.error(
                    "The output of the {} worker could not be read, so its pending calls failed",
                    launch.kind().id(),
                    why);
        }
    }

    /** Fails the call that a line responds to, if it can be identified. */
    private void unreadable(byte[] line, String reason) {
        Codec.answeredId(line).ifPresent(id -> fail(id, unreadableAnswer(reason, null)));
    }

    private ProtocolException unreadableAnswer(String reason, @Nullable Throwable cause) {
        return new ProtocolException(
                "The %s worker sent an answer that can't be parsed: %s"
                        .formatted(launch.kind().id(), reason),
                "Use the worker that comes with this version of mlx4j.",
                cause);
    }

    private void notified(Inbound.Notification notification) {
        switch (notification.method()) {
            case "hello" -> greeted(Codec.read(notification.params(), Hello.class));
            case "log" -> logged(Codec.read(notification.params(), LogLine.class));
            default -> {
                String id = notification.params().path("id").asText();
                Open<?> call = open.get(id);
                if (call != null) {
                    try {
                        call.notified(notification.method(), notification.params());
                    } catch (Throwable thrown) {
                        abort(id, asAnswerError(thrown));
                    }
                }
            }
        }
    }

    private void greeted(Hello greeting) {
        if (!greeting.nonce().equals(nonce)) {
            junk("a hello message from an unknown worker");
        } else if (greeting.protocol().major() != Hello.Version.CURRENT.major()) {
            hello.completeExceptionally(new ProtocolException(
                    "The worker uses version %d of the protocol, but this library uses version %d."
                            .formatted(greeting.protocol().major(), Hello.Version.CURRENT.major()),
                    "Use the worker that comes with this version of mlx4j."));
        } else if (launch.sandbox().isRequired() && !isHeld(greeting.sandbox())) {
            hello.completeExceptionally(WorkerErrors.notHeld(launch.kind(), greeting.sandbox()));
        } else {
            hello.complete(greeting);
        }
    }

    private static boolean isHeld(WorkerStatus.@Nullable Sandbox told) {
        return told != null
                && told.missing().isEmpty()
                && !told.files().equals("none")
                && !told.network().equals("none");
    }

    /** Returns the restrictions of the process, once it has reported them. */
    public Optional<WorkerStatus.Sandbox> sandbox() {
        Hello greeting = hello.isDone() && !hello.isCompletedExceptionally() ? hello.join() : null;
        return Optional.ofNullable(greeting == null ? null : greeting.sandbox());
    }

    private void logged(LogLine line) {
        switch (line.level()) {
            case "critical", "error" -> log.error("{}: {}", line.logger(), line.message());
            case "warning" -> log.warn("{}: {}", line.logger(), line.message());
            case "info" -> log.info("{}: {}", line.logger(), line.message());
            default -> log.debug("{}: {}", line.logger(), line.message());
        }
    }

    private void answered(Inbound.Answer answer) {
        Open<?> call = open.remove(answer.id());
        if (call == null) {
            return;
        }
        try {
            call.answered(answer.result());
        } catch (Throwable thrown) {
            failed(call, asAnswerError(thrown));
        }
    }

    /** Converts an exception thrown by a reply: one that is not mlx4j's was caused by an invalid message. */
    private Mlx4jException asAnswerError(Throwable thrown) {
        return thrown instanceof RuntimeException && !(thrown instanceof Mlx4jException)
                ? unreadableAnswer(String.valueOf(thrown.getMessage()), thrown)
                : Mlx4jException.of(thrown);
    }

    private void failed(Inbound.Failure failure) {
        Mlx4jException error = WorkerErrors.of(failure.error());
        if (!failure.error().detail().isEmpty()) {
            log.debug("{}: {}", error.code(), failure.error().detail());
        }
        if (failure.id() != null) {
            fail(failure.id(), error);
        } else {
            log.warn("The {} worker could not read a message: {}", launch.kind().id(), error.getMessage());
        }
    }

    private void junk(String reason) {
        int count = junk.incrementAndGet();
        log.warn(
                "The {} worker wrote a line that is not a protocol message ({} so far): {}",
                launch.kind().id(),
                count,
                reason);
        if (count > MAX_JUNK_LINES) {
            endWith(new ProtocolException(
                    "The %s worker wrote more than %d lines that are not protocol messages."
                            .formatted(launch.kind().id(), MAX_JUNK_LINES),
                    "Check what its Python environment prints when it starts."));
            process.kill();
        }
    }

    private void exited(int exitCode) {
        String hung = hang.get();
        Mlx4jException lost = unread;
        if (lost != null) {
            endWith(lost);
        } else if (hung != null) {
            endWith(WorkerErrors.hung(launch.kind(), hung, process.standardError()));
        } else {
            endWith(WorkerErrors.died(launch.kind(), exitCode, process.standardError()));
        }
    }

    private void endWith(Mlx4jException reason) {
        if (end.compareAndSet(null, reason)) {
            ending.complete(reason);
            stopWatching();
            hello.completeExceptionally(reason);
            open.keySet().forEach(id -> fail(id, reason));
        }
    }

    private void fail(String id, Mlx4jException error) {
        Open<?> call = open.remove(id);
        if (call != null) {
            failed(call, error);
        }
    }

    /** Fails a call and asks the worker to cancel it. */
    private void abort(String id, Mlx4jException error) {
        Open<?> call = open.remove(id);
        if (call != null) {
            failed(call, error);
            process.send(cancelOf(id));
        }
    }

    private static byte[] cancelOf(String id) {
        return Codec.notification("cancel", Map.of("id", id));
    }

    private void failed(Open<?> call, Mlx4jException error) {
        try {
            call.failed(error);
        } catch (Throwable thrown) { // it has been told, and the other calls must go on
            log.error("The failure handler of a call threw an exception", thrown);
        }
    }
}
