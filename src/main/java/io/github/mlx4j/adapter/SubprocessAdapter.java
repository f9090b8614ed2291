package io.github.mlx4j.adapter;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.internal.protocol.InitializeParams;
import io.github.mlx4j.internal.worker.Worker;
import io.github.mlx4j.internal.worker.WorkerLaunch;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.Cancellation;
import io.github.mlx4j.port.GenerationRequest;
import io.github.mlx4j.port.GenerationSink;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.port.WorkerStatus;
import io.github.mlx4j.probe.Availability;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Text from a worker process that is started by the first request, shared by all callers, and started again when it
 * dies, within a budget of three failures in five minutes. A request whose worker dies before the first piece of text
 * reached the caller is sent once more; after that a failure goes to the caller. Thread-safe.
 */
public abstract sealed class SubprocessAdapter extends AbstractTextGenerationPort implements AutoCloseable
        permits MlxSubprocessAdapter, HfSubprocessAdapter {

    private final ProviderKind kind;
    private final WorkerSettings settings;
    private final Worker worker;
    private final AtomicInteger open = new AtomicInteger();

    SubprocessAdapter(ProviderKind kind, WorkerSettings settings) {
        this.kind = kind;
        this.settings = settings;
        this.worker = new Worker(
                kind.id(),
                this::launch,
                InitializeParams.of(absolute(settings.model()), settings.download()),
                settings.budget(),
                settings.options().limits());
    }

    /** Whether the worker can run here, and if not, why not and what to do. Does not start it. */
    public final Availability availability() {
        return settings.probe().get();
    }

    /** Whether the worker can run here. */
    public final boolean isAvailable() {
        return availability().isReady();
    }

    /** Starts the worker and loads its model, if that has not happened yet, and waits for it. */
    public final void warmUp() {
        try {
            worker.ready().join();
        } catch (CompletionException failure) {
            if (failure.getCause() instanceof Mlx4jException known) {
                throw known;
            }
            throw failure;
        }
    }

    /**
     * Stops the worker; what it was working on fails with {@link io.github.mlx4j.error.ClosedException}. Idempotent.
     */
    @Override
    public final void close() {
        worker.close();
    }

    /** How the worker is, and what became of it so far. */
    public final WorkerStatus status() {
        return worker.status();
    }

    @Override
    public final Cancellation start(GenerationRequest request, GenerationSink sink) {
        int most = settings.options().maxRequests();
        if (open.incrementAndGet() > most) {
            open.decrementAndGet();
            sink.failed(new WorkerBusyException(
                    "The %s worker has %d requests already, and takes no more.".formatted(kind.id(), most),
                    "Try again later, or allow more with MLX4J_MAX_REQUESTS."));
            return () -> {};
        }
        WorkerGeneration generation = new WorkerGeneration(kind, worker, request, sink, open::decrementAndGet);
        generation.begin();
        return generation;
    }

    /** A folder's absolute path, since the worker has a working directory of its own; a hub id as it is. */
    private static String absolute(String model) {
        Path folder = Path.of(model);
        return Files.isDirectory(folder) ? folder.toAbsolutePath().toString() : model;
    }

    private WorkerLaunch launch() {
        Availability availability = settings.probe().get();
        if (availability instanceof Availability.Unavailable not) {
            String code = kind.name().toUpperCase(Locale.ROOT) + "_NOT_AVAILABLE";
            throw new ProviderUnavailableException(code, not.reason(), not.fix());
        }
        Availability.Ready ready = (Availability.Ready) availability;
        boolean network = settings.download() && !Files.isDirectory(Path.of(settings.model()));
        Map<String, String> environment = network ? Map.of() : Map.of("HF_HUB_OFFLINE", "1");
        return new WorkerLaunch(kind, ready.interpreter(), settings.scripts(), environment);
    }
}
