package io.github.mlx4j.device;

import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/**
 * What is known about a backend before one is chosen.
 *
 * @param provider which backend
 * @param ready whether it can run here
 * @param reason why it can't, for people; ignored if it can
 * @param device where it runs, if that is known ({@code gpu}, {@code cpu}, {@code mps}, {@code cuda}), or {@code null}:
 *     then it follows from the hardware
 * @param neededBytes memory that the model takes on it, as from a memory estimate; 0 if that is unknown
 */
public record BackendFacts(
        ProviderKind provider,
        boolean ready,
        String reason,
        @Nullable String device,
        long neededBytes) {

    /** A backend that can run here. */
    public static BackendFacts ready(ProviderKind provider) {
        return new BackendFacts(provider, true, "", null, 0);
    }

    /** A backend that can't run here, and why. */
    public static BackendFacts unavailable(ProviderKind provider, String reason) {
        return new BackendFacts(provider, false, reason, null, 0);
    }

    /** The same on a device that is known. */
    public BackendFacts on(String device) {
        return new BackendFacts(provider, ready, reason, device, neededBytes);
    }

    /** The same with a model that takes so much memory. */
    public BackendFacts needing(long bytes) {
        return new BackendFacts(provider, ready, reason, device, bytes);
    }

    String deviceOn(Hardware hardware) {
        if (device != null) {
            return device;
        }
        return hardware.appleSilicon() // also under an Intel JVM, which starts Python as arm64
                ? (provider == ProviderKind.MLX ? "gpu" : "mps")
                : "cpu";
    }
}
