package io.github.mlx4j;

import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Which provider answers, and why.
 *
 * @param provider the one that was chosen
 * @param fallback who stands in, in order
 * @param attempts what was looked at before the choice, in order, the chosen one last
 */
public record Selection(ProviderKind provider, List<ProviderKind> fallback, List<Attempt> attempts) {

    /** Takes immutable copies. */
    public Selection {
        fallback = List.copyOf(fallback);
        attempts = List.copyOf(attempts);
    }

    /**
     * A provider that was looked at.
     *
     * @param provider which
     * @param availability whether it can run here, and if not, why not and what to do
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
