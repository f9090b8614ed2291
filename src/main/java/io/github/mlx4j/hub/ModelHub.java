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
 * The Hugging Face hub and its cache on this machine, through a worker that loads no model: it downloads models ahead,
 * says what the hub knows of one, and removes one from the cache. The worker is started by the first call, with the
 * first of the Python environments that is there, and is ended by {@link #close()}. {@code HF_ENDPOINT},
 * {@code HF_HOME} and {@code HF_HUB_CACHE} count as for every worker; a token comes from {@code hf auth login}, or
 * {@code HF_TOKEN}.
 *
 * <p>Thread-safe; calls run one after another. An interrupt ends a call with {@link CancelledException}.
 */
public final class ModelHub implements AutoCloseable {

    /** How long no byte may come before a download is given up, where nothing else is said: one minute. */
    public static final Duration DEFAULT_STALL = Duration.ofMinutes(1);

    private static final DownloadListener NO_LISTENER = (done, total) -> {};

    private final Map<ProviderKind, WorkerProbe> probes;
    private @Nullable WorkerClient client;
    private @Nullable LeakGuard guard; // of the client
    private boolean closed;

    /** Hears how far a download is. Called on a thread that must not be held up. */
    @FunctionalInterface
    public interface DownloadListener {

        /** So many bytes of so many are there; the total is 0 as long as it isn't known. */
        void progressed(long doneBytes, long totalBytes);
    }

    /** Creates it; nothing is started yet. The first worker that can run here is taken, in this order. */
    public ModelHub(Map<ProviderKind, WorkerProbe> probes) {
        this.probes = new LinkedHashMap<>(probes);
    }

    /**
     * Downloads what is missing of a model, and returns when all of it is in the cache. What a download that fails or
     * is cancelled leaves behind, the next one goes on with.
     *
     * @param id a hub id {@code org/name}
     * @param revision a branch, tag or commit, or {@code null} for the main branch
     * @param stall how long no byte may come before it is given up
     * @throws io.github.mlx4j.error.ModelNotFoundException if the hub has no such model, or doesn't give it
     * @throws io.github.mlx4j.error.DownloadException if the network, the hub or the disk fails, or has no room
     */
    public DownloadedModel fetch(String id, @Nullable String revision, Duration stall, DownloadListener listener) {
        Hub.Fetched result = ask(Hub.fetch(id, revision, HubToken.in(System.getenv()), stall), listener);
        return new DownloadedModel(Path.of(result.folder()), result.revision(), result.bytes());
    }

    /**
     * What the hub says of a model; nothing is downloaded.
     *
     * @throws io.github.mlx4j.error.ModelNotFoundException if the hub has no such model, or doesn't give it
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
     * Removes a model, in all its revisions, from the cache, and what a download left of it.
     *
     * @return how many bytes that freed
     * @throws io.github.mlx4j.error.ModelNotFoundException if it isn't there
     */
    public long remove(String id) {
        return ask(Hub.remove(id), NO_LISTENER);
    }

    /** Ends the worker; what it was working on fails with {@link ClosedException}. Idempotent. */
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
            Reference.reachabilityFence(this); // or the worker could be ended in the middle of its work
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
