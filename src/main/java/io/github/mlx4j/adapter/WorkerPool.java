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
 * Which workers are up at once, where there are several with models of their own. Thread-safe.
 *
 * <ul>
 *   <li>The first worker always starts; whether its weights fit, it says itself. One more starts beside others if there
 *       may be one more, and what its model takes fits into available memory, less the reserve and what those that run
 *       are still to take. A model of unknown size counts as fitting.
 *   <li>Otherwise others are stopped for it: idle ones, least recently used first. A worker at work is never stopped:
 *       the newcomer waits for it, and requests that come later for that worker wait behind the newcomer.
 *   <li>Who waits is served in order, but all that wait for one model are let in together. So each model has its turn,
 *       and no more workers are started than there are turns.
 *   <li>A wait ends with {@link WorkerBusyException} after the longest that is allowed, and with the request's deadline
 *       or its cancel.
 *   <li>A worker that was stopped is started again by its next request.
 * </ul>
 */
public final class WorkerPool implements AutoCloseable {

    private static final long LOOK_AGAIN_MS = 1000; // memory may have become free elsewhere
    private static final Logger log = LoggerFactory.getLogger(WorkerPool.class);

    private final WorkerPoolConfig options;
    private final ModelRegistry registry;
    private final LongFunction<OptionalLong> available; // of the bytes that all workers hold; less the reserve
    private final List<Slot> seats = new ArrayList<>();
    private final List<Lease> waiting = new ArrayList<>();
    private @Nullable Thread arranger; // as long as anyone waits
    private @Nullable Slot stopping;
    private boolean changed;
    private boolean closed;
    private long uses;

    /** A worker, as far as it matters here. Its methods are called by any thread. */
    public interface PooledWorker {

        /** What it is called in messages. */
        String name();

        /** Whether it has a process, or is starting one. */
        boolean isUp();

        /** Whether a request would start a process now, rather than find one or fail at once. */
        boolean wouldStart();

        /** Whether a process could start here at all. May take a moment. */
        boolean canRun();

        /** What its model takes. May read the disk. */
        MemoryNeed need();

        /** What its process has taken so far, in bytes; 0 if that is not known. */
        long takenBytes();

        /** Ends its process and waits for that; its next request starts another one. */
        void stop(String why);
    }

    /** Creates it over the memory of this machine and the built-in registry. */
    public WorkerPool(WorkerPoolConfig options) {
        this(options, ModelRegistry.builtIn());
    }

    /** The same with a registry that says what models take that are not on this machine yet. */
    public WorkerPool(WorkerPoolConfig options, ModelRegistry registry) {
        this(options, registry, new MemoryManager(new DeviceManager(), options.reservedBytes())::availableBytes);
    }

    WorkerPool(WorkerPoolConfig options, ModelRegistry registry, LongFunction<OptionalLong> available) {
        this.options = options;
        this.registry = registry;
        this.available = available;
    }

    /** What a model takes, as far as that is known. Reads the disk; never throws. */
    public MemoryNeed needOf(String model) {
        return MemoryNeed.of(model, registry);
    }

    /** A place for a worker; it is taken by its requests. */
    public synchronized Slot slot(PooledWorker resident) {
        Slot slot = new Slot(resident);
        seats.add(slot);
        return slot;
    }

    /** Fails who waits, and makes nobody wait any longer: the workers are about to be closed. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        refuseAll(lease -> new ClosedException(
                "%s was closed before a request had its turn.".formatted(lease.slot.resident.name()), ""));
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

    /** Something has changed for those who wait, such as that a worker was closed. */
    public synchronized void lookAgain() {
        changed = true;
        notifyAll();
    }

    /** The place of one worker. */
    public final class Slot {

        private final PooledWorker resident;
        private int guests; // requests that were let in and have not left
        private long lastUsed;

        private Slot(PooledWorker resident) {
            this.resident = resident;
        }

        /** A request comes; it may begin once it is {@link Lease#granted}. Never waits. */
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

        /** Whether it is up, or needs no place, since its requests fail at once. */
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

        /** What it has not taken yet of what it needs, in bytes. */
        private long toCome() {
            return Math.max(0, resident.need().bytes() - resident.takenBytes());
        }
    }

    /** One request's time with a worker, from the moment at which it comes. */
    public final class Lease {

        private final Slot slot;
        private final long since = System.nanoTime();
        private final CompletableFuture<@Nullable Void> granted = new CompletableFuture<>();
        private boolean in;

        private Lease(Slot slot) {
            this.slot = slot;
        }

        /** Completes when it may begin; fails with {@link WorkerBusyException} if that took too long. */
        public CompletableFuture<@Nullable Void> granted() {
            return granted;
        }

        /** The request has ended, or doesn't want to wait any longer. Idempotent. */
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

    /** What one look at those who wait came to. */
    private static final class Look {
        private final List<Lease> letIn = new ArrayList<>();
        private final List<Lease> givenUp = new ArrayList<>();
        private @Nullable Slot toStop;
        private String why = "";
    }

    /** Who waits is told of a fault, since nobody else would let them in. */
    private void arrangeOrRefuse() {
        try {
            arrange();
        } catch (Throwable fault) {
            synchronized (this) {
                arranger = null;
                stopping = null;
            }
            refuseAll(lease -> new WorkerStartException(
                    "There was a fault in looking for room for %s.".formatted(lease.slot.resident.name()), "", fault));
            log.error("There was a fault in looking for room", fault);
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
     * What the disk and the machine say.
     *
     * @param room memory that is available, less the reserve
     * @param unable those who wait for a worker that can't run here; it says why, if they are let in
     */
    private record Facts(OptionalLong room, List<Slot> unable) {}

    /** Finds them without holding anyone up. */
    private Facts facts() {
        List<Slot> all;
        List<Slot> wanted;
        synchronized (this) {
            changed = false;
            all = List.copyOf(seats);
            wanted = waiting.stream().map(lease -> lease.slot).distinct().toList();
        }
        all.forEach(slot -> slot.resident.need()); // which is known from then on
        List<Slot> unable =
                wanted.stream().filter(slot -> !slot.resident.canRun()).toList();
        long held = all.stream().mapToLong(slot -> slot.resident.takenBytes()).sum();
        return new Facts(available.apply(held), unable);
    }

    private void pause() {
        try {
            wait(LOOK_AGAIN_MS);
        } catch (InterruptedException interrupt) {
            log.debug("Nobody interrupts this thread, and it goes on", interrupt);
        }
    }

    private static void stop(Slot slot, String why) {
        try {
            slot.resident.stop(why);
        } catch (Throwable error) {
            log.error("{} could not be stopped", slot.resident.name(), error);
        }
    }

    /** Lets in who can be, and says whom to stop for the first who can't. */
    private Look look(Facts facts) {
        Look look = new Look();
        List<Slot> makingRoom = List.of();
        for (Lease lease : List.copyOf(waiting)) {
            if (lease.in) {
                continue; // together with one before it
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

    /** The workers that have to end for another one, idle ones first; none if it fits beside all. */
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
                "For %s there was no memory for %d s, because busy workers are not stopped: %s. %s"
                        .formatted(
                                lease.slot.resident.name(),
                                options.longestWait().toSeconds(),
                                names.isEmpty() ? "they have just ended" : names,
                                tooMany
                                        ? "There may be %d at once.".formatted(options.maxWorkers())
                                        : "It takes %s (%s), and %s are available beside a reserve of %s."
                                                .formatted(
                                                        ByteText.text(need.bytes()),
                                                        need.explanation(),
                                                        room.isEmpty()
                                                                ? "unknown bytes"
                                                                : ByteText.text(room.getAsLong()),
                                                        ByteText.text(options.reservedBytes()))),
                tooMany
                        ? "Try again later, allow more with MLX4J_MAX_WORKERS, or give the roles one model."
                        : "Try again later, give the role a smaller model, or close other programs;"
                                + " MLX4J_MEMORY_RESERVE_MB is what is left free.");
    }
}
