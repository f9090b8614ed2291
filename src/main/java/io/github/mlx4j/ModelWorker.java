package io.github.mlx4j;

import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Set;

/**
 * A worker of a {@link ProviderFactory}.
 *
 * @param provider its kind
 * @param model its model: a folder, or a hub id
 * @param roles the roles that have this model
 * @param status how it is, and what became of it so far
 */
public record ModelWorker(ProviderKind provider, String model, Set<ModelRole> roles, WorkerStatus status) {

    /** Takes an immutable copy. */
    public ModelWorker {
        roles = Set.copyOf(roles);
    }
}
