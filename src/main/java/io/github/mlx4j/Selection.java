package io.github.mlx4j;

import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The selected provider and the reasons for the selection.
 *
 * @param provider the selected provider
 * @param fallback the fallback providers, in order
 * @param attempts the providers that were checked, in order; the selected one is last
 */
public record Selection(ProviderKind provider, List<ProviderKind> fallback, List<Attempt> attempts) {

    /** Makes immutable copies of the lists. */
    public Selection {
        fallback = List.copyOf(fallback);
        attempts = List.copyOf(attempts);
    }

    /**
     * The result of checking a provider.
     *
     * @param provider the provider
     * @param availability whether the provider can run here, and if not, why not and what to do
     */
    public record Attempt(ProviderKind provider, Availability availability) {

        @Override
        public String toString() {
            return availability instanceof Availability.Unavailable not
                    ? "%s: %s (%s) %s".formatted(provider.id(), not.reason(), not.code(), not.fix())
                    : provider.id() + ": available";
        }
    }

    @Override
    public String toString() {
        return attempts.stream().map(Attempt::toString).collect(Collectors.joining("; "));
    }
}
