package io.github.mlx4j.device;

import io.github.mlx4j.error.WorkerOutOfMemoryException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Determines what fits into the available memory of this machine, leaving a reserve for everything else. Results are
 * not cached. If the available memory is unknown, nothing is rejected. Thread-safe.
 */
public final class MemoryManager {

    private static final long MAX_RESERVED_BYTES = 8_000_000_000L;
    private static final int RESERVED_FRACTION = 8;

    private final LongFunction<OptionalLong> available; // as a function of the bytes that our workers hold
    private final long reservedBytes;
    private final @Nullable Limit limit;

    /**
     * A limit on the memory of a worker.
     *
     * @param bytes the limit
     * @param setting the setting that it comes from, for messages
     */
    private record Limit(long bytes, String setting) {}

    /** Creates a manager with the default reserve: an eighth of the machine's memory, but at most 8 GB. */
    public MemoryManager(DeviceManager device) {
        this(device, defaultReserve(device.detectHardware().memoryBytes()));
    }

    /** Creates a manager with another reserve, in bytes; 0 for none. */
    public MemoryManager(DeviceManager device, long reservedBytes) {
        this(device::availableMemory, reservedBytes);
    }

    /**
     * Creates a manager for an amount of memory that the program determines, such as its own limit.
     *
     * @param available returns the available bytes, or empty if unknown, given the bytes that our workers hold
     * @param reservedBytes the reserve, in bytes; 0 for none
     */
    public MemoryManager(LongFunction<OptionalLong> available, long reservedBytes) {
        this(available, reservedBytes, null);
    }

    private MemoryManager(LongFunction<OptionalLong> available, long reservedBytes, @Nullable Limit limit) {
        if (reservedBytes < 0) {
            throw new IllegalArgumentException("reservedBytes is " + reservedBytes + ", but can't be below 0");
        }
        this.available = available;
        this.reservedBytes = reservedBytes;
        this.limit = limit;
    }

    /**
     * Returns a manager with a limit. Its available memory is that of this manager, or the limit if that is smaller or
     * if the available memory is unknown. The reserve does not reduce the limit.
     *
     * @param bytes the limit
     * @param setting the name of the setting that the limit comes from; messages mention it if the limit applies
     */
    public MemoryManager withLimit(long bytes, String setting) {
        return new MemoryManager(available, reservedBytes, new Limit(bytes, setting));
    }

    private static long defaultReserve(@Nullable Long memoryBytes) {
        return memoryBytes == null ? MAX_RESERVED_BYTES : Math.min(MAX_RESERVED_BYTES, memoryBytes / RESERVED_FRACTION);
    }

    /** Returns the reserve, in bytes. */
    public long reservedBytes() {
        return reservedBytes;
    }

    /** Returns {@link #availableBytes(long)} for a program that has no running worker. */
    public OptionalLong availableBytes() {
        return availableBytes(0);
    }

    /**
     * Returns the available memory minus the reserve, or the limit if that is smaller, in bytes, never below 0; empty
     * if unknown.
     *
     * @param heldBytes the memory in bytes that workers of this program hold
     *     ({@link DeviceManager#availableMemory(long)})
     */
    public OptionalLong availableBytes(long heldBytes) {
        return limit == null
                ? beside(heldBytes)
                : OptionalLong.of(Math.min(limit.bytes, beside(heldBytes).orElse(Long.MAX_VALUE)));
    }

    /** Returns the available memory minus the reserve, regardless of the limit. */
    private OptionalLong beside(long heldBytes) {
        OptionalLong all = available.apply(heldBytes);
        return all.isEmpty() ? all : OptionalLong.of(Math.max(0, all.getAsLong() - reservedBytes));
    }

    /** Returns the limit if it determines {@code room}; {@code null} if the machine has no more memory than that. */
    private @Nullable Limit appliedLimit(long room) {
        return limit != null && room == limit.bytes ? limit : null;
    }

    private String besideReserve() {
        return reservedBytes == 0 ? "" : " beside a reserve of " + ByteText.text(reservedBytes);
    }

    /**
     * Calculates how many rows fit at the same time; empty if the available memory is unknown.
     *
     * @param fixedBytes the bytes needed regardless of the number of rows, such as the weights; 0 if they are already
     *     loaded
     * @param bytesPerRow the bytes that each row adds, at least 1
     */
    public Optional<BatchSize> suggestBatchSize(long fixedBytes, long bytesPerRow) {
        if (fixedBytes < 0 || bytesPerRow < 1) {
            throw new IllegalArgumentException(
                    "%d fixed bytes and %d a row are no needs".formatted(fixedBytes, bytesPerRow));
        }
        OptionalLong room = availableBytes();
        if (room.isEmpty()) {
            return Optional.empty();
        }
        long rows = Math.max(0, room.getAsLong() - fixedBytes) / bytesPerRow;
        int count = (int) Math.min(rows, Integer.MAX_VALUE);
        Limit applied = appliedLimit(room.getAsLong());
        return Optional.of(new BatchSize(
                count,
                "(%s %s − %s fixed) / %s a row → %d"
                        .formatted(
                                ByteText.text(room.getAsLong()),
                                applied == null ? "free" + besideReserve() : "allowed by " + applied.setting,
                                ByteText.text(fixedBytes),
                                ByteText.text(bytesPerRow),
                                count)));
    }

    /**
     * The number of rows that fit.
     *
     * @param rows 0 or more; 0 means that not even one row fits
     * @param explanation the calculation, in human-readable form
     */
    public record BatchSize(int rows, String explanation) {}

    /**
     * Checks that an amount of memory is available, before anything is started.
     *
     * @param neededBytes the bytes needed
     * @param explanation the calculation, for the message
     * @throws WorkerOutOfMemoryException if more is needed than the available memory minus the reserve
     */
    public void check(long neededBytes, String explanation) {
        OptionalLong room = availableBytes();
        if (room.isPresent() && neededBytes > room.getAsLong()) {
            throw tooLarge(ByteText.text(neededBytes), explanation, room.getAsLong());
        }
    }

    private WorkerOutOfMemoryException tooLarge(String needed, String explanation, long room) {
        Limit applied = appliedLimit(room);
        String instead = "use a smaller or quantized model, a shorter context or fewer rows";
        if (applied != null) {
            return new WorkerOutOfMemoryException(
                    "This needs %s (%s), but %s allows only %s."
                            .formatted(needed, explanation, applied.setting, ByteText.text(room)),
                    "Raise " + applied.setting + ", or " + instead + ".");
        }
        return new WorkerOutOfMemoryException(
                "This needs %s (%s), but only %s are available%s."
                        .formatted(needed, explanation, ByteText.text(room), besideReserve()),
                "Close other programs, " + instead + (reservedBytes == 0 ? "." : ", or name a smaller reserve."));
    }
}
