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
 * Detects the hardware of this machine, its available memory, and the backend to use on it. It starts no worker and
 * works on every platform: values that can't be determined are empty. Results are not cached. Thread-safe.
 */
public final class DeviceManager {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration POWER_PERIOD = Duration.ofMillis(250);

    private static final String NVIDIA_DRIVER = "/proc/driver/nvidia/version";

    private final Machine machine;

    /** Creates a manager for this machine. */
    public DeviceManager() {
        this(Machine.LOCAL);
    }

    DeviceManager(Machine machine) {
        this.machine = machine;
    }

    /** Detects the hardware as described by the operating system. */
    public Hardware detectHardware() {
        if (isMac()) {
            String sysctl = machine.run(SOON, MacReadings.SYSCTL).orElse("");
            return MacReadings.hardware(machine.os(), machine.architecture(), machine.cores(), sysctl);
        }
        return LinuxReadings.hardware(machine); // on other platforms the files don't exist, so the values are unknown
    }

    /**
     * Returns the number of GPU cores of a Mac, which macOS needs a second or more to report. Empty on other platforms,
     * or if it takes longer than {@code patience}.
     */
    public OptionalInt gpuCores(Duration patience) {
        Optional<String> displays = isMac() ? machine.run(patience, MacReadings.DISPLAYS) : Optional.empty();
        return displays.map(MacReadings::gpuCores).orElse(OptionalInt.empty());
    }

    /** Returns {@link #availableMemory(long)} for a program that has no running worker. */
    public OptionalLong availableMemory() {
        return availableMemory(0);
    }

    /**
     * Returns the memory, in bytes, that can be used now without swapping. On Linux, this is the memory that the kernel
     * reports as available, or what remains for the container. On a Mac, it is the smaller of two amounts: the GPU
     * limit ({@link Hardware#gpuLimitBytes()}) minus the memory of our workers, and the memory that macOS can reclaim
     * from the file cache and, by compression, from other programs. Empty if unknown.
     *
     * @param heldBytes the memory in bytes that workers of this program hold; ignored on Linux, whose figure excludes
     *     it
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
     * Starts a sampler for the power consumption of the processors. On a Mac it uses the program macmon, which must be
     * on the PATH or in a Homebrew folder. On Linux it uses the RAPL counters of the kernel, if they are readable. It
     * never asks for administrator rights.
     *
     * @throws DependencyMissingException if macmon is not installed
     * @throws NotSupportedException if power can't be measured here
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
     * Chooses the backend that runs the model of a configuration here: {@code new
     * DeviceManager().selectBackend(ProviderConfig.fromEnv())}. Remote providers are never chosen, because they run
     * elsewhere.
     *
     * @param config a configuration, such as a {@code ProviderConfig}
     * @return the choice, which may be empty, with a reason for each local backend
     */
    public BackendChoice selectBackend(BackendCandidates config) {
        return selectBackend(config.backends(), config.provider().orElse(null));
    }

    /**
     * Chooses the backend that runs a model here.
     *
     * @param facts what is known about each backend, in order of preference
     * @param wish the only backend that may be chosen, or {@code null} for the first one that can run
     * @return the choice, which may be empty, with a reason for each backend
     */
    public BackendChoice selectBackend(List<BackendFacts> facts, @Nullable ProviderKind wish) {
        List<BackendFacts> known = facts.stream().map(this::withNvidiaGpu).toList();
        return BackendChoice.among(known, wish, detectHardware(), availableMemory());
    }

    /**
     * Sets the device of hf to CUDA if the NVIDIA driver is loaded, because torch prefers CUDA. mlx is unaffected,
     * because its locked packages are a CPU build.
     */
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
