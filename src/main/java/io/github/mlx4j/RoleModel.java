package io.github.mlx4j;

import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/**
 * The model that a role has.
 *
 * @param role the role
 * @param provider who has the model
 * @param model a folder, or a hub id; of a remote provider, as its server names it
 * @param origin who named it: a setting such as {@code MLX_MODEL_ROUTER} or {@code MLX_MODEL}, {@code default}, or
 *     {@code counterpart of the mlx model}
 * @param need what its worker takes in memory; {@code null} for a remote provider. Roles with one model share one
 *     worker
 */
public record RoleModel(
        ModelRole role,
        ProviderKind provider,
        String model,
        String origin,
        @Nullable MemoryNeed need) {}
