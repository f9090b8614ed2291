package io.github.mlx4j;

import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Set;

/**
 * A worker of a {@link ProviderFactory}.
 *
 * @param provider the worker's kind
 * @param model the worker's model: a folder, or a hub id
 * @param roles the roles that use this model
 * @param status the worker's state and history
 */
public record ModelWorker(ProviderKind provider, String model, Set<ModelRole> roles, WorkerStatus status) {

    /** Makes an immutable copy of the roles. */
    public ModelWorker {
        roles = Set.copyOf(roles);
    }
}
