package io.github.mlx4j.device;

import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The backend chosen to run a model here.
 *
 * @param provider the chosen provider, or {@code null} if there is none
 * @param device the device that it runs on: {@code gpu}, {@code cpu}, {@code mps}, {@code cuda}; {@code null} if no
 *     provider was chosen
 * @param reasons one reason per backend, in the order in which the backends were checked
 */
public record BackendChoice(
        @Nullable ProviderKind provider, @Nullable String device, List<Reason> reasons) {

    /** Makes an immutable copy of the reasons. */
    public BackendChoice {
        reasons = List.copyOf(reasons);
    }

    /**
     * The reason why a backend was chosen or rejected.
     *
     * @param provider the backend
     * @param taken whether it was chosen
     * @param why the human-readable reason
     */
    public record Reason(ProviderKind provider, boolean taken, String why) {}

    static BackendChoice among(
            List<BackendFacts> facts, @Nullable ProviderKind wish, Hardware hardware, OptionalLong available) {
        ProviderKind taken = null;
        String device = null;
        List<Reason> reasons = new ArrayList<>();
        for (BackendFacts fact : facts) {
            String against = taken != null ? taken.id() + " comes before it" : whyNot(fact, wish, hardware, available);
            if (against == null) {
                taken = fact.provider();
                device = fact.deviceOn(hardware);
                against = "it can run here, on " + device;
            }
            reasons.add(new Reason(fact.provider(), taken == fact.provider(), against));
        }
        return new BackendChoice(taken, device, reasons);
    }

    private static @Nullable String whyNot(
            BackendFacts fact, @Nullable ProviderKind wish, Hardware hardware, OptionalLong available) {
        if (wish != null && wish != fact.provider()) {
            return "not asked for: " + wish.id() + " is";
        }
        if (!fact.ready()) {
            return fact.reason();
        }
        long neededBytes = fact.neededBytes();
        String device = fact.deviceOn(hardware);
        if (device.equals("cuda")) {
            return null; // the model goes into GPU memory, whose size is unknown here
        }
        if (!device.equals("cpu") && hardware.gpuLimitBytes() != null && neededBytes > hardware.gpuLimitBytes()) {
            return "the model needs %s, but the GPU should use at most %s (%s)"
                    .formatted(
                            ByteText.text(neededBytes),
                            ByteText.text(hardware.gpuLimitBytes()),
                            hardware.gpuLimitSet() ? "iogpu.wired_limit_mb" : "an estimate of macOS's recommendation");
        }
        if (available.isPresent() && neededBytes > available.getAsLong()) {
            return "the model needs %s, but %s are available"
                    .formatted(ByteText.text(neededBytes), ByteText.text(available.getAsLong()));
        }
        return null;
    }
}
