package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Progress;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.threads.Daemons;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker that is started by the first request, and restarted after it died, within a budget. A failure that a restart
 * can't fix is remembered, and later requests fail with it immediately. Thread-safe.
 */
public final class Worker implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Worker.class);

    private final String name;
    private final Supplier<WorkerLaunch> launch;
    private final Load.Params<Load.Options> model;
    private final RestartBudget budget;
    private final WorkerLimits limits;
    private final WorkerHistory history;
    private @Nullable CompletableFuture<Ready> current;
    private @Nullable Mlx4jException permanent;
    private @Nullable WorkerClient latest;
    private @Nullable SerialWorker downloader;
    private String lastFailure = "";
    private boolean closed;

    /**
     * A running worker.
     *
     * @param client sends calls to it
     * @param loaded its model
     * @param start how long the start took
     */
    public record Ready(WorkerClient client, Load.Loaded loaded, WorkerStatus.Start start) {

        /** Returns the worker's kind, its model and its device. */
        public Backend backend() {
            return loaded.details().backend();
        }
    }

    /**
     * Creates a worker without starting it. {@code launch} is called before each start, on the starting thread, and may
     * throw a {@link Mlx4jException}.
     */
    public Worker(
            String name,
            Supplier<WorkerLaunch> launch,
            Load.Params<Load.Options> model,
            RestartBudget budget,
            WorkerLimits limits) {
        this.name = name;
        this.launch = launch;
        this.model = model;
        this.budget = budget;
        this.limits = limits;
        Path journal = limits.journal();
        this.history = new WorkerHistory(
                Clock.systemUTC(), journal == null ? null : new Journal(journal, name), limits.onEvent());
    }

    /**
     * Returns the running worker, starting it if necessary. Never blocks; the future fails with a
     * {@link Mlx4jException}.
     */
    public synchronized CompletableFuture<Ready> ready() {
        if (closed) {
            return CompletableFuture.failedFuture(new ClosedException("The " + name + " worker was closed.", ""));
        }
        if (current != null && (!current.isDone() || isUp(current))) {
            return current;
        }
        if (permanent != null) {
            return CompletableFuture.failedFuture(permanent);
        }
        if (current != null && failed(current)) {
            budget.failed();
            current = null;
        }
        if (budget.spent()) {
            return CompletableFuture.failedFuture(new WorkerStartException(
                    "The %s worker is not restarted after %s. Last failure: %s".formatted(name, budget, lastFailure),
                    "mlx4j tries again later; `ProviderFactory.workers()` shows the worker's history."));
        }
        CompletableFuture<Ready> starting = new CompletableFuture<>();
        current = starting;
        try {
            Daemons.start("mlx4j-" + name + "-starter", () -> start(starting));
        } catch (OutOfMemoryError noThread) { // thrown by the JVM if the system can't create a thread
            current = null;
            starting.completeExceptionally(Mlx4jException.of(noThread));
        }
        return starting;
    }

    /** Returns the worker's state and history. */
    public synchronized WorkerStatus status() {
        WorkerStatus.State state = WorkerStatus.State.STOPPED;
        OptionalLong pid = OptionalLong.empty();
        int openRequests = 0;
        Optional<WorkerMemory> memory = Optional.empty();
        Optional<WorkerStatus.Start> start = Optional.empty();
        Optional<WorkerStatus.Sandbox> sandbox = Optional.empty();
        if (closed) {
            state = WorkerStatus.State.CLOSED;
        } else if (current != null && isUp(current)) {
            state = WorkerStatus.State.READY;
            pid = OptionalLong.of(current.join().client().pid());
            openRequests = current.join().client().openWork();
            memory = Optional.of(memory(current.join()));
            start = Optional.of(current.join().start());
            sandbox = current.join().client().sandbox();
        } else if (current != null && !current.isDone()) {
            state = WorkerStatus.State.STARTING;
        } else if (permanent != null || budget.spent()) {
            state = WorkerStatus.State.FAILED;
        }
        return new WorkerStatus(state, pid, openRequests, memory, start, sandbox, history.failures(), history.events());
    }

    private static WorkerMemory memory(Ready ready) {
        return ready.client().memory().orElse(ready.loaded().memory());
    }

    /** Returns whether the worker has a process or is starting one. */
    public synchronized boolean isUp() {
        return !closed && current != null && (!current.isDone() || isUp(current));
    }

    /**
     * Returns whether {@link #ready()} would start a process now, rather than return a running one or fail immediately.
     */
    public synchronized boolean wouldStart() {
        return !closed && !isUp() && permanent == null && !budget.spent();
    }

    /** Returns the last reported memory use of the process in bytes; 0 if there is no process. */
    public synchronized long takenBytes() {
        if (current == null || !isUp(current)) {
            return 0;
        }
        WorkerMemory told = memory(current.join());
        return Math.max(told.resident().orElse(0), told.active().orElse(0)); // the system may not report GPU memory
    }

    /**
     * Stops the process or its start, if any, and waits a few seconds at most for it to end. Later requests start a new
     * process.
     */
    public void stop(String why) {
        CompletableFuture<Ready> last;
        synchronized (this) {
            last = current;
        }
        if (last != null) {
            stop(last, why);
        }
    }

    /** Stops the process, if any; open requests fail. Idempotent. */
    @Override
    public void close() {
        CompletableFuture<Ready> last;
        WorkerClient client;
        SerialWorker fetching;
        boolean first;
        synchronized (this) {
            last = current;
            client = latest;
            fetching = downloader;
            first = !closed;
            closed = true;
        }
        if (first && (last != null || client != null)) { // also if it was stopped before
            history.add("closed", "");
        }
        if (last != null) {
            last.completeExceptionally(closedWhileItStarted());
        }
        if (fetching != null) {
            fetching.close();
        }
        if (client != null) {
            client.close();
        }
    }

    private void stop(CompletableFuture<Ready> which, String why) {
        WorkerClient client;
        SerialWorker fetching;
        synchronized (this) {
            if (closed || current != which) {
                return;
            }
            client = latest;
            fetching = downloader;
            current = null;
        }
        history.add("stopped", why);
        log.info("{} worker stopped, {}; the next request restarts it", name, why);
        which.completeExceptionally(new WorkerDiedException(
                "The " + name + " worker was stopped while it was starting, " + why + ".", "Try again.", 0, ""));
        if (fetching != null) {
            fetching.close();
        }
        if (client != null) {
            client.stopIdle();
        }
    }

    /**
     * Returns whether a start, or the process after it, ended because of a fault of the worker rather than with a
     * reported reason.
     */
    private static boolean failed(CompletableFuture<Ready> ended) {
        return ended.handle((ready, error) -> error instanceof WorkerDiedException
                        || error instanceof WorkerHungException
                        || error instanceof WorkerStartException
                        || error == null)
                .join();
    }

    private static boolean isUp(CompletableFuture<Ready> ready) {
        return isDoneWell(ready) && ready.join().client().isAlive();
    }

    private static boolean isDoneWell(CompletableFuture<Ready> ready) {
        return ready.isDone() && !ready.isCompletedExceptionally();
    }

    private void start(CompletableFuture<Ready> starting) {
        WorkerClient client = null;
        try {
            waitBefore(starting);
            long begun = System.nanoTime();
            history.add("starting", "");
            WorkerLaunch launched = launch.get();
            client = start(launched, starting);
            await(client.hello(), limits.hello(), "complete the handshake");
            Ready ready = initialize(client, launched.kind(), begun, missing -> download(missing, launched, starting));
            client.onEnd(this::failed);
            String what = "%s on %s (pid %d) after %d ms"
                    .formatted(
                            ready.backend().model(),
                            ready.backend().device(),
                            client.pid(),
                            ready.start().whole().toMillis());
            WorkerStatus.Event event = recordReady(starting, what);
            if (event == null) {
                return; // whoever closed or stopped it cleans up
            }
            if (starting.complete(ready)) {
                client.watch(
                        limits, () -> stop(starting, "idle for " + limits.idle().toSeconds() + " s"));
                log.info("{} worker ready: {}", name, what);
            }
            history.notifyListener(event);
        } catch (Mlx4jException error) {
            fail(starting, client, error);
        } catch (IOException error) {
            fail(
                    starting,
                    client,
                    new WorkerStartException(
                            "The " + name + " worker could not be started: " + error.getMessage(),
                            "Check the interpreter's path and the disk.",
                            error));
        } catch (Throwable error) {
            fail(
                    starting,
                    client,
                    new WorkerStartException(
                            "The " + name + " worker could not be started: " + error,
                            "This is probably a bug in mlx4j; please report it with its stack trace.",
                            error));
            log.error("The {} worker could not be started", name, error);
        }
    }

    /**
     * Starts the process, unless the worker was closed or stopped in the meantime: then nobody would end the process.
     */
    private synchronized WorkerClient start(WorkerLaunch what, CompletableFuture<Ready> starting) throws IOException {
        if (closed || current != starting) {
            throw closedWhileItStarted();
        }
        WorkerClient started = WorkerClient.start(what);
        latest = started;
        return started;
    }

    /** Records the event before callers that wait for the start can see it, and never after the end of the worker. */
    private synchronized WorkerStatus.@Nullable Event recordReady(CompletableFuture<Ready> starting, String what) {
        return closed || current != starting ? null : history.record("ready", what);
    }

    private void waitBefore(CompletableFuture<Ready> starting) {
        try {
            starting.get(budget.delay().toMillis(), TimeUnit.MILLISECONDS); // ends early if the worker is closed
        } catch (TimeoutException over) {
            // the delay is over
        } catch (ExecutionException closedMeanwhile) {
            throw closedWhileItStarted();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new ClosedException("The start of the " + name + " worker was interrupted.", "");
        }
    }

    private ClosedException closedWhileItStarted() {
        return new ClosedException("The " + name + " worker was closed while it was starting.", "");
    }

    private void fail(CompletableFuture<Ready> starting, @Nullable WorkerClient client, Mlx4jException error) {
        boolean stopped;
        synchronized (this) {
            if (isPermanent(error)) {
                permanent = error;
            }
            stopped = error.fault() == Fault.ENDED || current != starting;
        }
        if (!stopped) {
            failed(error); // outside the lock: a listener may query the status
        }
        starting.completeExceptionally(error);
        if (client != null) {
            client.close();
        }
    }

    private void failed(Mlx4jException error) {
        synchronized (this) {
            lastFailure = error.reason();
        }
        history.add("failed", error.reason());
    }

    /** Returns whether another start would fail in the same way until the configuration or the environment changes. */
    private static boolean isPermanent(Mlx4jException error) {
        boolean mayAppear = error instanceof ModelNotFoundException || error instanceof ProviderUnavailableException;
        return switch (error.fault()) {
            case MODEL, BACKEND, SETUP -> !error.retryable() && !mayAppear;
            case CALLER, ENDED -> false;
        };
    }

    /** Makes the worker load its model, after its hello. {@code begun} is the time of its start. */
    private Ready initialize(WorkerClient client, ProviderKind kind, long begun, Consumer<Load.Missing> download) {
        long hello = System.nanoTime();
        AtomicLong loading = new AtomicLong(hello);
        StallClock clock = new StallClock();
        ProgressLog progress = new ProgressLog(name);
        Consumer<Progress> onProgress = told -> {
            clock.reset();
            if (told.phase().equals("load")) {
                loading.compareAndSet(hello, System.nanoTime());
            }
            progress.accept(told);
        };
        WorkerCall<Load.Loaded> call = Load.initialize(model, kind);
        CompletableFuture<JsonNode> answer = client.send(call.raw(), onProgress).answer();
        while (true) {
            try {
                JsonNode info = await(answer, clock.left(limits.loadStall()), "load its model");
                Optional<Load.Missing> missing = Load.Missing.in(info);
                if (missing.isPresent()) {
                    download.accept(missing.get());
                    clock.reset();
                    answer = client.send(call.raw(), onProgress).answer();
                    continue;
                }
                WorkerStatus.Start start = new WorkerStatus.Start(
                        Duration.ofNanos(hello - begun),
                        Duration.ofNanos(loading.get() - hello),
                        Duration.ofNanos(System.nanoTime() - loading.get()));
                return new Ready(client, call.read(info), start);
            } catch (InvalidRequestException | WorkerOutOfMemoryException error) {
                throw asLoadError(error);
            } catch (WorkerStartException stalled) {
                if (clock.left(limits.loadStall()).isNegative()) {
                    throw stalled;
                }
            }
        }
    }

    /** Downloads a model in a separate process, which ends when this worker is closed or stopped. */
    private void download(Load.Missing missing, WorkerLaunch launched, CompletableFuture<Ready> starting) {
        try (SerialWorker fetching = SerialWorker.start(launched.forDownload(), limits)) {
            synchronized (this) {
                if (closed || current != starting) {
                    throw closedWhileItStarted();
                }
                downloader = fetching;
            }
            fetching.download(missing, HubToken.in(System.getenv()), progress -> {});
        } catch (WorkerOutOfMemoryException error) {
            throw asLoadError(error);
        } finally {
            synchronized (this) {
                downloader = null;
            }
        }
    }

    /** Converts an error to one about the model, which all callers share, rather than about one caller's request. */
    private static Mlx4jException asLoadError(Mlx4jException error) {
        if (error instanceof InvalidRequestException) {
            return new ConfigurationException(error.reason(), error.hint(), error);
        }
        if (error instanceof WorkerOutOfMemoryException) {
            return new WorkerOutOfMemoryException(Fault.BACKEND, error.reason(), error.hint(), error);
        }
        return error;
    }

    private <T> T await(CompletableFuture<T> future, Duration limit, String what) {
        try {
            return future.get(Math.max(0, limit.toMillis()), TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            throw new WorkerStartException(
                    "The %s worker did not %s within %d s.".formatted(name, what, limit.toSeconds()),
                    "Check what delays its Python, such as a slow disk, a security scanner or a hanging import.");
        } catch (ExecutionException failure) {
            throw Mlx4jException.of(failure);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new ClosedException("The start of the " + name + " worker was interrupted.", "");
        }
    }
}
