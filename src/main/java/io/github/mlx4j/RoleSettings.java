package io.github.mlx4j;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The settings for the model of a provider and role, such as {@code MLX_MODEL_ROUTER}. */
final class RoleSettings {

    /** The roles that have their own settings; the others use the general setting, such as {@code MLX_MODEL}. */
    static final List<ModelRole> ROLES = Arrays.stream(ModelRole.values())
            .filter(role -> role != ModelRole.GENERAL)
            .toList();

    private RoleSettings() {}

    /**
     * Returns the name of the setting for a provider's model, either for one role or, with {@code GENERAL}, for all
     * roles without their own.
     */
    static String name(ProviderKind provider, ModelRole role) {
        String plain = provider.name() + "_MODEL";
        return role == ModelRole.GENERAL ? plain : plain + "_" + role.name();
    }

    /**
     * Sets the model of a role if the name is that of such a setting.
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
     * @throws ConfigurationException if a setting names a role that doesn't exist. Only names starting with
     *     {@code MLX_MODEL_} are reserved for mlx4j: other programs use variables such as {@code HF_MODEL_ID} or
     *     {@code OPENAI_MODEL_NAME}, which are ignored here
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
                "Set %s for all roles, or %s for a single one."
                        .formatted(
                                plain,
                                ROLES.stream().map(role -> plain + "_" + role).collect(Collectors.joining(", "))));
    }
}
