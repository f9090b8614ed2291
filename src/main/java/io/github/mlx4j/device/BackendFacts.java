package io.github.mlx4j.device;

import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/**
 * What is known about a backend before one is chosen.
 *
 * @param provider the backend
 * @param ready whether it can run here
 * @param reason the human-readable reason why it can't; ignored if it can
 * @param device the device that it runs on ({@code gpu}, {@code cpu}, {@code mps}, {@code cuda}), or {@code null} to
 *     derive it from the hardware
 * @param neededBytes the memory in bytes that the model needs, as from a memory estimate; 0 if unknown
 */
public record BackendFacts(
        ProviderKind provider,
        boolean ready,
        String reason,
        @Nullable String device,
        long neededBytes) {

    /** Returns facts about a backend that can run here. */
    public static BackendFacts ready(ProviderKind provider) {
        return new BackendFacts(provider, true, "", null, 0);
    }

    /** Returns facts about a backend that can't run here, with the reason. */
    public static BackendFacts unavailable(ProviderKind provider, String reason) {
        return new BackendFacts(provider, false, reason, null, 0);
    }

    /** Returns a copy with a known device. */
    public BackendFacts on(String device) {
        return new BackendFacts(provider, ready, reason, device, neededBytes);
    }

    /** Returns a copy with the memory need of a model, in bytes. */
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
