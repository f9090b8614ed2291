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
     * Takes over those that are set.
     *
     * @throws ConfigurationException for a role that there is not. Only {@code MLX_MODEL_…} is ours alone: other
     *     programs have an {@code HF_MODEL_ID} or an {@code OPENAI_MODEL_NAME}, which are no concern of this one
     */
    static void read(Map<String, String> environment, ProviderConfig.Builder builder) {
        for (ProviderKind provider : ProviderKind.values()) {
            for (ModelRole role : ROLES) {
                Setting.value(name(provider, role), environment)
                        .ifPresent(model -> builder.model(provider, role, model));
            }
            Setting.value(name(provider, ModelRole.GENERAL) + "_GENERAL", environment)
                    .ifPresent(model -> refuse(name(provider, ModelRole.GENERAL) + "_GENERAL"));
        }
        environment.keySet().stream()
                .filter(name -> name.startsWith("MLX_MODEL_")
                        && ROLES.stream().noneMatch(role -> name.equals(name(ProviderKind.MLX, role))))
                .filter(name -> Setting.value(name, environment).isPresent())
                .forEach(RoleSettings::refuse);
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
