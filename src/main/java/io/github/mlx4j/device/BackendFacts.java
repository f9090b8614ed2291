package io.github.mlx4j.device;

import io.github.mlx4j.port.ProviderKind;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a backend before one is chosen.
 *
 * @param provider which
 * @param ready whether it can run here
 * @param reason why not, for people; not looked at if it can
 * @param device where it runs, as a worker told it ({@code gpu}, {@code cpu}, {@code mps}, {@code cuda}), or
 *     {@code null}: then the hardware decides
 */
public record BackendFacts(
        ProviderKind provider,
        boolean ready,
        String reason,
        @Nullable String device) {

    /** A backend that can run here. */
    public static BackendFacts ready(ProviderKind provider) {
        return new BackendFacts(provider, true, "", null);
    }

    /** A backend that can't run here, and why. */
    public static BackendFacts unavailable(ProviderKind provider, String reason) {
        return new BackendFacts(provider, false, reason, null);
    }

    /** The same, on a device that a worker told. */
    public BackendFacts on(String device) {
        return new BackendFacts(provider, ready, reason, device);
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
