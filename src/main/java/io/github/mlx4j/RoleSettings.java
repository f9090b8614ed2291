package io.github.mlx4j;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The settings that name a provider's model of one role, such as {@code MLX_MODEL_ROUTER}. */
final class RoleSettings {

    /** The roles that have settings; the others' is the plain {@code MLX_MODEL}. */
    static final List<ModelRole> ROLES = Arrays.stream(ModelRole.values())
            .filter(role -> role != ModelRole.GENERAL)
            .toList();

    private RoleSettings() {}

    /** The setting of a provider's model, for a role or for all that have none of their own. */
    static String name(ProviderKind provider, ModelRole role) {
        String plain = provider.name() + "_MODEL";
        return role == ModelRole.GENERAL ? plain : plain + "_" + role.name();
    }

    /**
     * Sets the model of a role, if that is what the setting of this name does.
     *
     * @return whether it is
     */
    static boolean set(ProviderConfig.Builder config, String name, Object model) {
        for (ProviderKind provider : ProviderKind.values()) {
            for (ModelRole role : ROLES) {
                if (name.equals(name(provider, role))) {
                    config.model(provider, role, model.toString());
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * Reads the models of roles.
     *
     * @throws ConfigurationException for a role that doesn't exist. Only {@code MLX_MODEL_…} belongs to mlx4j alone:
     *     other programs have an {@code HF_MODEL_ID} or an {@code OPENAI_MODEL_NAME}, which are ignored here
     */
    static void read(Map<String, String> environment, ProviderConfig.Builder config) {
        environment.forEach((name, value) -> {
            boolean isSet = !value.isBlank() && name.contains("_MODEL_");
            if (isSet && !set(config, name, value.strip()) && isOurs(name)) {
                refuse(name);
            }
        });
    }

    private static boolean isOurs(String name) {
        return name.startsWith("MLX_MODEL_")
                || Arrays.stream(ProviderKind.values())
                        .anyMatch(provider -> name.equals(name(provider, ModelRole.GENERAL) + "_GENERAL"));
    }

    private static void refuse(String name) {
        String plain = name.substring(0, name.indexOf("_MODEL") + "_MODEL".length());
        throw new ConfigurationException(
                name + " is set, but there is no such setting.",
                "Set %s for everything, or %s for one role."
                        .formatted(
                                plain,
                                ROLES.stream().map(role -> plain + "_" + role).collect(Collectors.joining(", "))));
    }
}
