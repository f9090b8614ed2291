package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.UnsupportedProviderException;
import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/** Builds a configuration from Spring's properties and the settings in the environment. Properties take precedence. */
final class ConfigFromProperties {

    private ConfigFromProperties() {}

    /**
     * Builds the configuration.
     *
     * @param environment all environment variables
     * @throws InvalidConfigurationPropertyValueException if a property has an invalid value
     * @throws Mlx4jException if another setting is invalid, or a property that may contain a password
     */
    static ProviderConfig of(Mlx4jProperties properties, Map<String, String> environment) {
        Map<PropertySetting, Object> set = PropertySetting.in(properties);
        Map<String, String> others = new HashMap<>(environment);
        set.keySet().forEach(property -> others.remove(property.setting()));
        ProviderConfig.Builder builder = ProviderConfig.fromEnv(others).toBuilder();
        set.forEach((property, value) -> {
            try {
                builder.setting(property.setting(), value);
            } catch (ConfigurationException | UnsupportedProviderException refused) {
                throw named(property, value, refused);
            }
        });
        return builder.build();
    }

    /**
     * Returns the error with the property's name added. Spring displays the value of a property that it reports as
     * invalid.
     */
    private static RuntimeException named(PropertySetting property, Object value, Mlx4jException refused) {
        return property.mayBeSecret()
                ? new ConfigurationException(
                        refused.reason(),
                        refused.hint() + " The corresponding property is " + property.property() + ".")
                : new InvalidConfigurationPropertyValueException(property.property(), value, refused.getMessage());
    }
}
