package io.github.mlx4j;

import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/**
 * The model of a role.
 *
 * @param role the role
 * @param provider the provider of the model
 * @param model a folder, or a hub id; for a remote provider, the name that its server uses
 * @param origin where the model is configured: a setting such as {@code MLX_MODEL_ROUTER} or {@code MLX_MODEL},
 *     {@code default}, or {@code counterpart of the mlx model}
 * @param need the memory need of its worker, or {@code null} for a remote provider. Roles with the same model share a
 *     worker
 */
public record RoleModel(
        ModelRole role,
        ProviderKind provider,
        String model,
        String origin,
        @Nullable MemoryNeed need) {}
