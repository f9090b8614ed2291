package io.github.mlx4j.adapter;

import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.threads.Daemons;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.model.registry.ModelRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which workers may run at the same time when several of them have models of their own. Thread-safe.
 *
 * <ul>
 *   <li>The first worker always starts; it reports itself if its weights don't fit. Another worker starts alongside the
 *       others if the maximum number of workers has not been reached and its model fits into the available memory, less
 *       the reserve and less what the running workers have yet to allocate. A model of unknown size is assumed to fit.
 *   <li>Otherwise other workers are stopped to make room: only idle ones, least recently used first. A busy worker is
 *       never stopped. The new worker waits for it, and later requests to the busy worker queue up behind the new
 *       worker.
 *   <li>Waiting requests are served in order, but all requests that wait for the same model are admitted together. Each
 *       model therefore gets its turn, and workers are started no more often than there are turns.
 *   <li>A wait ends with {@link WorkerBusyException} after the maximum waiting time. It also ends when the request's
 *       deadline passes or the request is cancelled.
 *   <li>A worker that was stopped is started again by its next request.
 * </ul>
 */
public final class WorkerPool implements AutoCloseable {

    private static final long LOOK_AGAIN_MS = 1000; // other programs may have freed memory
    private static final Logger log = LoggerFactory.getLogger(WorkerPool.class);

    private final WorkerPoolConfig options;
    private final ModelRegistry registry;
    private final LongFunction<OptionalLong>
            available; // maps the bytes held by all workers to the available bytes, less the reserve
    private final List<Slot> seats = new ArrayList<>();
    private final List<Lease> waiting = new ArrayList<>();
    private @Nullable Thread arranger; // runs as long as any request waits
    private @Nullable Slot stopping;
    private boolean changed;
    private boolean closed;
    private long uses;

    /** A worker, as far as the pool needs to know it. Its methods may be called by any thread. */
    public interface PooledWorker {

        /** Returns the worker's name in messages. */
        String name();

        /** Returns whether the worker has a process or is starting one. */
        boolean isUp();

        /** Returns whether a request would start a process now, instead of finding one or failing immediately. */
        boolean wouldStart();

        /** Returns whether a process can be started here at all. May take a moment. */
        boolean canRun();

        /** Returns how much memory the worker's model needs. May read the disk. */
        MemoryNeed need();

        /** Returns how much memory the process has allocated so far, in bytes; 0 if unknown. */
        long takenBytes();

        /** Stops the process and waits until it has ended. The next request starts a new one. */
        void stop(String why);
    }

    /** Creates a pool that uses this machine's memory and the built-in registry. */
    public WorkerPool(WorkerPoolConfig options) {
        this(options, ModelRegistry.builtIn());
    }

    /** Creates a pool with a registry that gives the memory needs of models that are not on this machine yet. */
    public WorkerPool(WorkerPoolConfig options, ModelRegistry registry) {
        this(options, registry, new MemoryManager(new DeviceManager(), options.reservedBytes())::availableBytes);
    }

    WorkerPool(WorkerPoolConfig options, ModelRegistry registry, LongFunction<OptionalLong> available) {
        this.options = options;
        this.registry = registry;
        this.available = available;
    }

    /** Estimates how much memory a model needs, as far as that is known. Reads the disk; never throws. */
    public MemoryNeed needOf(String model) {
        return MemoryNeed.of(model, registry);
    }

    /** Creates a slot for a worker. The worker's requests lease it. */
    public synchronized Slot slot(PooledWorker resident) {
        Slot slot = new Slot(resident);
        seats.add(slot);
        return slot;
    }

    /**
     * Fails all waiting requests; later requests no longer wait, because the workers are about to be closed.
     * Idempotent.
     */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        refuseAll(lease -> new ClosedException(
                "%s was closed before a queued request could start.".formatted(lease.slot.resident.name()), ""));
    }

    private void refuseAll(Function<Lease, Mlx4jException> why) {
        List<Lease> left;
        synchronized (this) {
            left = List.copyOf(waiting);
            waiting.clear();
            lookAgain();
        }
        left.forEach(lease -> lease.granted.completeExceptionally(why.apply(lease)));
    }

    /** Makes the pool check again whether waiting requests can proceed, for example because a worker was closed. */
    public synchronized void lookAgain() {
        changed = true;
        notifyAll();
    }

    /** The slot of one worker. */
    public final class Slot {

        private final PooledWorker resident;
        private int guests; // number of requests that were admitted and have not left
        private long lastUsed;

        private Slot(PooledWorker resident) {
            this.resident = resident;
        }

        /**
         * Requests a lease. The request may begin once the lease is {@linkplain Lease#granted granted}. Never blocks.
         */
        public Lease enter() {
            Lease lease = new Lease(this);
            boolean free;
            synchronized (WorkerPool.this) {
                free = closed || (waiting.isEmpty() && stopping != this && (hasRoom() || others().isEmpty()));
                if (free) {
                    letIn(lease);
                } else {
                    waiting.add(lease);
                    arrangeSoon();
                }
            }
            if (free) {
                lease.granted.complete(null);
            }
            return lease;
        }

        /** Returns whether the worker is running, or needs no room because its requests fail immediately. */
        private boolean hasRoom() {
            return guests > 0 || !resident.wouldStart();
        }

        private boolean isTaken() {
            return guests > 0 || resident.isUp();
        }

        private List<Slot> others() {
            return seats.stream()
                    .filter(slot -> slot != this && slot.isTaken())
                    .sorted(Comparator.comparing((Slot slot) -> slot.guests > 0).thenComparing(slot -> slot.lastUsed))
                    .toList();
        }

        /** Returns how much of the memory it needs the worker has not allocated yet, in bytes. */
        private long toCome() {
            return Math.max(0, resident.need().bytes() - resident.takenBytes());
        }
    }

    /** A request's use of a worker, from the moment when the request arrives. */
    public final class Lease {

        private final Slot slot;
        private final long since = System.nanoTime();
        private final CompletableFuture<@Nullable Void> granted = new CompletableFuture<>();
        private boolean in;

        private Lease(Slot slot) {
            this.slot = slot;
        }

        /**
         * Returns a future that completes when the request may begin. It fails with {@link WorkerBusyException} if the
         * wait was too long.
         */
        public CompletableFuture<@Nullable Void> granted() {
            return granted;
        }

        /** Ends the lease because the request has ended or no longer wants to wait. Idempotent. */
        public void leave() {
            synchronized (WorkerPool.this) {
                waiting.remove(this);
                if (in) {
                    in = false;
                    slot.guests--;
                    slot.lastUsed = ++uses;
                }
                lookAgain();
            }
        }
    }

    private void letIn(Lease lease) {
        waiting.remove(lease);
        lease.in = true;
        lease.slot.guests++;
        lease.slot.lastUsed = ++uses;
    }

    private void arrangeSoon() {
        lookAgain();
        if (arranger == null) {
            Thread thread = Daemons.thread("mlx4j-pool", this::arrangeOrRefuse);
            arranger = thread;
            thread.start();
        }
    }

    /** The decisions of one pass over the waiting requests. */
    private static final class Look {
        private final List<Lease> letIn = new ArrayList<>();
        private final List<Lease> givenUp = new ArrayList<>();
        private @Nullable Slot toStop;
        private String why = "";
    }

    /** Reports a fault to all waiting requests, since nothing else would end their wait. */
    private void arrangeOrRefuse() {
        try {
            arrange();
        } catch (Throwable fault) {
            synchronized (this) {
                arranger = null;
                stopping = null;
            }
            refuseAll(lease -> new WorkerStartException(
                    "Making room for %s failed unexpectedly.".formatted(lease.slot.resident.name()), "", fault));
            log.error("Making room for a worker failed unexpectedly", fault);
        }
    }

    private void arrange() {
        while (true) {
            Facts facts = facts();
            Look look;
            synchronized (this) {
                look = look(facts);
                stopping = look.toStop;
            }
            look.letIn.forEach(lease -> lease.granted.complete(null));
            look.givenUp.forEach(lease -> lease.granted.completeExceptionally(tooLate(lease, facts.room())));
            if (look.toStop != null) {
                stop(look.toStop, look.why);
            }
            synchronized (this) {
                stopping = null;
                if (waiting.isEmpty()) {
                    arranger = null;
                    return;
                }
                if (look.toStop == null && !changed) {
                    pause();
                }
            }
        }
    }

    /**
     * What the disk and the machine report.
     *
     * @param room available memory, less the reserve
     * @param unable slots with waiting requests whose worker can't run here; once the requests are admitted, the worker
     *     reports the reason
     */
    private record Facts(OptionalLong room, List<Slot> unable) {}

    /** Collects the facts without holding the lock, since this may be slow. */
    private Facts facts() {
        List<Slot> all;
        List<Slot> wanted;
        synchronized (this) {
            changed = false;
            all = List.copyOf(seats);
            wanted = waiting.stream().map(lease -> lease.slot).distinct().toList();
        }
        all.forEach(slot -> slot.resident.need()); // caches the result, so later calls don't read the disk
        List<Slot> unable =
                wanted.stream().filter(slot -> !slot.resident.canRun()).toList();
        long held = all.stream().mapToLong(slot -> slot.resident.takenBytes()).sum();
        return new Facts(available.apply(held), unable);
    }

    private void pause() {
        try {
            wait(LOOK_AGAIN_MS);
        } catch (InterruptedException interrupt) {
            log.debug("Ignoring an unexpected interrupt", interrupt);
        }
    }

    private static void stop(Slot slot, String why) {
        try {
            slot.resident.stop(why);
        } catch (Throwable error) {
            log.error("{} could not be stopped", slot.resident.name(), error);
        }
    }

    /** Admits the requests that can run now, and selects a worker to stop for the first one that can't. */
    private Look look(Facts facts) {
        Look look = new Look();
        List<Slot> makingRoom = List.of();
        for (Lease lease : List.copyOf(waiting)) {
            if (lease.in) {
                continue; // admitted together with an earlier request for the same worker
            }
            Slot slot = lease.slot;
            boolean hasRoom = slot.hasRoom() || facts.unable().contains(slot);
            if (hasRoom && !makingRoom.contains(slot)) {
                letInAll(slot, look);
            } else if (!hasRoom && makingRoom.isEmpty()) {
                makingRoom = toMakeRoom(slot, facts.room());
                if (makingRoom.isEmpty()) {
                    letInAll(slot, look);
                } else {
                    look.why = "to make room for " + slot.resident.name();
                }
            }
        }
        look.toStop =
                makingRoom.stream().filter(slot -> slot.guests == 0).findFirst().orElse(null);
        if (look.toStop == null) {
            waiting.stream().filter(this::isTooLate).forEach(look.givenUp::add);
            waiting.removeAll(look.givenUp);
        }
        return look;
    }

    private void letInAll(Slot slot, Look look) {
        for (Lease lease : List.copyOf(waiting)) {
            if (lease.slot == slot) {
                letIn(lease);
                look.letIn.add(lease);
            }
        }
    }

    /**
     * Returns the workers that must stop before the new one can start, idle ones first; empty if it fits alongside all
     * of them.
     */
    private List<Slot> toMakeRoom(Slot newcomer, OptionalLong room) {
        List<Slot> others = newcomer.others();
        int stopped = 0;
        while (!fits(newcomer, others.subList(stopped, others.size()), others.subList(0, stopped), room)) {
            stopped++;
        }
        return List.copyOf(others.subList(0, stopped));
    }

    private boolean fits(Slot newcomer, List<Slot> staying, List<Slot> stopped, OptionalLong room) {
        if (staying.isEmpty()) {
            return true;
        }
        if (staying.size() >= options.maxWorkers()) {
            return false;
        }
        MemoryNeed need = newcomer.resident.need();
        long free =
                stopped.stream().mapToLong(slot -> slot.resident.takenBytes()).sum();
        long toCome = staying.stream().mapToLong(Slot::toCome).sum();
        return room.isEmpty() || need.bytes() == 0 || need.bytes() <= room.getAsLong() + free - toCome;
    }

    private boolean isTooLate(Lease lease) {
        return Duration.ofNanos(System.nanoTime() - lease.since).compareTo(options.longestWait()) > 0;
    }

    private Mlx4jException tooLate(Lease lease, OptionalLong room) {
        List<Slot> others;
        synchronized (this) {
            others = lease.slot.others();
        }
        MemoryNeed need = lease.slot.resident.need();
        boolean tooMany = others.size() >= options.maxWorkers();
        String names = others.stream().map(slot -> slot.resident.name()).collect(Collectors.joining(", "));
        return new WorkerBusyException(
                "There was no room for %s for %d s, because busy workers are not stopped: %s. %s"
                        .formatted(
                                lease.slot.resident.name(),
                                options.longestWait().toSeconds(),
                                names.isEmpty() ? "they have just finished" : names,
                                tooMany
                                        ? "The maximum number of workers is %d.".formatted(options.maxWorkers())
                                        : "It needs %s (%s), and %s are available after a reserve of %s."
                                                .formatted(
                                                        ByteText.text(need.bytes()),
                                                        need.explanation(),
                                                        room.isEmpty()
                                                                ? "unknown bytes"
                                                                : ByteText.text(room.getAsLong()),
                                                        ByteText.text(options.reservedBytes()))),
                tooMany
                        ? "Try again later, raise MLX4J_MAX_WORKERS, or use the same model for several roles."
                        : "Try again later, use a smaller model for the role, or close other programs;"
                                + " MLX4J_MEMORY_RESERVE_MB sets how much memory is kept free.");
    }
}
