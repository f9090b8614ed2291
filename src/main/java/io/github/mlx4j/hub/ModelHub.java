package io.github.mlx4j.hub;

import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.protocol.Hub;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.threads.LeakGuard;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.model.registry.HubFacts;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Access to the Hugging Face hub and its local cache. It downloads models in advance, gets information about a model
 * from the hub, and removes models from the cache. This is done by a worker that loads no model. The first call starts
 * the worker with the first available Python environment, and {@link #close()} ends it. {@code HF_ENDPOINT},
 * {@code HF_HOME} and {@code HF_HUB_CACHE} apply as for all workers. The access token comes from {@code hf auth login},
 * or from {@code HF_TOKEN}.
 *
 * <p>Thread-safe; calls run one after another. Interrupting the thread ends the call with {@link CancelledException}.
 */
public final class ModelHub implements AutoCloseable {

    /** The default time without any data after which a download fails: one minute. */
    public static final Duration DEFAULT_STALL = Duration.ofMinutes(1);

    private static final DownloadListener NO_LISTENER = (done, total) -> {};

    private final Map<ProviderKind, WorkerProbe> probes;
    private @Nullable WorkerClient client;
    private @Nullable LeakGuard guard; // of the client
    private boolean closed;

    /** Receives the progress of a download. It is called on a thread that must not be blocked. */
    @FunctionalInterface
    public interface DownloadListener {

        /**
         * Called when {@code doneBytes} of {@code totalBytes} have been downloaded. The total is 0 while it is unknown.
         */
        void progressed(long doneBytes, long totalBytes);
    }

    /**
     * Creates an instance without starting a worker. The first environment in this order that can run a worker here is
     * used.
     */
    public ModelHub(Map<ProviderKind, WorkerProbe> probes) {
        this.probes = new LinkedHashMap<>(probes);
    }

    /**
     * Downloads the missing files of a model, and returns when the model is completely in the cache. A download that
     * failed or was cancelled is resumed by the next one.
     *
     * @param id a hub id {@code org/name}
     * @param revision a branch, tag or commit, or {@code null} for the main branch
     * @param stall the time without any data after which the download fails
     * @throws io.github.mlx4j.error.ModelNotFoundException if the hub has no such model, or denies access to it
     * @throws io.github.mlx4j.error.DownloadException if the network, the hub or the disk fails, or the disk is full
     */
    public DownloadedModel fetch(String id, @Nullable String revision, Duration stall, DownloadListener listener) {
        Hub.Fetched result = ask(Hub.fetch(id, revision, HubToken.in(System.getenv()), stall), listener);
        return new DownloadedModel(Path.of(result.folder()), result.revision(), result.bytes());
    }

    /**
     * Returns information about a model from the hub without downloading it.
     *
     * @throws io.github.mlx4j.error.ModelNotFoundException if the hub has no such model, or denies access to it
     * @throws io.github.mlx4j.error.DownloadException if the network or the hub fails
     */
    public HubFacts describe(String id, @Nullable String revision) {
        Hub.Described result = ask(Hub.describe(id, revision, HubToken.in(System.getenv())), NO_LISTENER);
        return HubFacts.of(
                result.revision(),
                result.bytes(),
                result.weightBytes(),
                result.licence(),
                result.gated(),
                result.config());
    }

    /**
     * Removes all revisions of a model from the cache, including partial downloads.
     *
     * @return the number of bytes freed
     * @throws io.github.mlx4j.error.ModelNotFoundException if the model is not in the cache
     */
    public long remove(String id) {
        return ask(Hub.remove(id), NO_LISTENER);
    }

    /** Ends the worker. Calls in progress fail with {@link ClosedException}. Idempotent. */
    @Override
    public void close() {
        WorkerClient last;
        synchronized (probes) {
            closed = true;
            last = client;
            unguard();
        }
        if (last != null) {
            last.close();
        }
    }

    private <T> T ask(WorkerCall<T> call, DownloadListener listener) {
        try {
            return worker().send(call, progress -> listener.progressed(progress.done(), progress.total()))
                    .await();
        } finally {
            Reference.reachabilityFence(this); // otherwise the worker could be ended during the call
        }
    }

    private WorkerClient worker() {
        synchronized (probes) {
            if (closed) {
                throw new ClosedException("The hub's worker was closed.", "");
            }
            WorkerClient running = client;
            if (running == null || !running.isAlive()) {
                unguard();
                WorkerClient started = start();
                guard = LeakGuard.watch(this, "the hub's worker", started::isAlive, started::close);
                client = started;
                return started;
            }
            return running;
        }
    }

    private void unguard() {
        if (guard != null) {
            guard.close();
        }
    }

    private WorkerClient start() {
        for (Map.Entry<ProviderKind, WorkerProbe> one : probes.entrySet()) {
            if (one.getValue().check() instanceof Availability.Ready ready) {
                ProviderKind kind = one.getKey();
                BundledScripts scripts = new BundledScripts(kind.id() + "_worker.py");
                try {
                    return WorkerClient.start(new WorkerLaunch(kind, ready.command(), scripts, true, Map.of()));
                } catch (IOException error) {
                    throw new WorkerStartException(
                            "The " + kind.id() + " worker could not be started: " + error.getMessage(),
                            "Check the interpreter's path and the disk.",
                            error);
                }
            }
        }
        throw new ProviderUnavailableException(
                "NO_PROVIDER_AVAILABLE",
                probes.entrySet().stream()
                        .map(one ->
                                one.getKey().id() + ": " + why(one.getValue().check()))
                        .collect(Collectors.joining(" ", "No worker can run here, so the hub can't be asked: ", "")),
                "Run `mlx4j setup` to make the environment of one.");
    }

    private static String why(Availability availability) {
        return availability instanceof Availability.Unavailable not ? not.reason() : "available by now.";
    }
}
