package io.github.mlx4j.device;

import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what this machine is made of, what memory it can give, and which backend runs on it. Starts no worker and
 * throws for no platform: what can't be told is empty. Each call looks anew. Thread-safe.
 */
public final class DeviceManager {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration POWER_PERIOD = Duration.ofMillis(250);

    private static final String NVIDIA_DRIVER = "/proc/driver/nvidia/version";

    private final Machine machine;

    /** Creates it for this machine. */
    public DeviceManager() {
        this(Machine.LOCAL);
    }

    DeviceManager(Machine machine) {
        this.machine = machine;
    }

    /** The hardware, as the operating system describes it. */
    public Hardware detectHardware() {
        if (isMac()) {
            String sysctl = machine.run(SOON, MacReadings.SYSCTL).orElse("");
            return MacReadings.hardware(machine.os(), machine.architecture(), machine.cores(), sysctl);
        }
        return LinuxReadings.hardware(machine); // elsewhere there is nothing to read, so nothing is known
    }

    /** The cores of a Mac's GPU; macOS takes a second or more to say. Empty elsewhere, or after {@code patience}. */
    public OptionalInt gpuCores(Duration patience) {
        Optional<String> displays = isMac() ? machine.run(patience, MacReadings.DISPLAYS) : Optional.empty();
        return displays.map(MacReadings::gpuCores).orElse(OptionalInt.empty());
    }

    /** {@link #availableMemory(long)} for a program that has no worker running. */
    public OptionalLong availableMemory() {
        return availableMemory(0);
    }

    /**
     * Memory, in bytes, that can be used now without swapping. On Linux, what the kernel calls available, or what is
     * left to the container. On a Mac, the smaller of two amounts: the GPU's limit ({@link Hardware#gpuLimitBytes()})
     * less what our workers hold, and what macOS can take back from the file cache and, by compression, from other
     * programs. Empty where it is unknown.
     *
     * @param heldBytes memory that workers of this program hold; has no effect on Linux, whose figure excludes it
     */
    public OptionalLong availableMemory(long heldBytes) {
        if (!isMac()) {
            return LinuxReadings.available(machine);
        }
        OptionalLong reclaimable = machine.run(SOON, MacReadings.VM_STAT)
                .map(vmStat -> MacReadings.available(vmStat, heldBytes))
                .orElse(OptionalLong.empty());
        Long limit = detectHardware().gpuLimitBytes();
        return reclaimable.isEmpty() || limit == null
                ? reclaimable
                : OptionalLong.of(Math.min(reclaimable.getAsLong(), Math.max(0, limit - heldBytes)));
    }

    /**
     * Begins to look at what the processors take: through the program macmon on a Mac, if it is on the PATH or in a
     * folder of Homebrew, and through the kernel's RAPL counters on Linux, if they can be read. Never asks for an
     * administrator's rights.
     *
     * @throws DependencyMissingException if macmon is not there
     * @throws NotSupportedException if nothing tells it here
     */
    public PowerSampler powerSampler() {
        Optional<Path> macmon = machine.find("macmon");
        if (macmon.isPresent()) {
            return new Macmon(macmon.get(), POWER_PERIOD);
        }
        if (isMac()) {
            throw new DependencyMissingException(
                    "Power can't be measured, since macmon is neither on the PATH nor in a folder of Homebrew.",
                    "Install it: `brew install macmon`. It needs no administrator.");
        }
        return Rapl.open(machine, System::nanoTime)
                .orElseThrow(() -> new NotSupportedException(
                        Rapl.isThere(machine)
                                ? "Power can't be measured, since this user may not read the energy counters."
                                : "Power can't be measured, since this machine has no energy counters (RAPL).",
                        Rapl.isThere(machine)
                                ? "Ask whoever runs this machine for read access to /sys/class/powercap/*/energy_uj."
                                : "Measure it on a Mac with macmon, or on Linux without a virtual machine."));
    }

    /**
     * Chooses the backend that runs a configuration's model here: {@code new
     * DeviceManager().selectBackend(ProviderConfig.fromEnv())}. Remote providers run elsewhere, so none of them is
     * chosen.
     *
     * @param config such as a {@code ProviderConfig}
     * @return the choice, which may be none, with a reason for each local backend
     */
    public BackendChoice selectBackend(BackendCandidates config) {
        return selectBackend(config.backends(), config.provider().orElse(null));
    }

    /**
     * Chooses the backend that runs a model here.
     *
     * @param facts what is known about each backend, first choice first
     * @param wish the only one that may be chosen, or {@code null} for the first that can run
     * @return the choice, which may be none, with a reason for each backend
     */
    public BackendChoice selectBackend(List<BackendFacts> facts, @Nullable ProviderKind wish) {
        List<BackendFacts> known = facts.stream().map(this::withNvidiaGpu).toList();
        return BackendChoice.among(known, wish, detectHardware(), availableMemory());
    }

    /** torch prefers CUDA, so hf runs there if NVIDIA's driver is loaded; mlx's locked packages are a CPU build. */
    private BackendFacts withNvidiaGpu(BackendFacts fact) {
        boolean cuda = fact.provider() == ProviderKind.HF
                && fact.device() == null
                && machine.read(NVIDIA_DRIVER).isPresent();
        return cuda ? fact.on("cuda") : fact;
    }

    private boolean isMac() {
        return machine.os().toLowerCase(Locale.ROOT).startsWith("mac");
    }
}
