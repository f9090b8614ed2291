package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.UnsupportedProviderException;
import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/** Makes a configuration of properties, over the settings in the environment. */
final class ConfigFromProperties {

    private ConfigFromProperties() {}

    /**
     * The configuration.
     *
     * @param environment every variable that there is
     * @throws InvalidConfigurationPropertyValueException for a property that can't be what it is
     * @throws Mlx4jException for another setting that can't, or a property that may hold a password
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

    /** The same error with the property's name. Spring shows the value of a property that it knows to be wrong. */
    private static RuntimeException named(PropertySetting property, Object value, Mlx4jException refused) {
        return property.mayBeSecret()
                ? new ConfigurationException(
                        refused.reason(), refused.hint() + " As a property it is " + property.property() + ".")
                : new InvalidConfigurationPropertyValueException(property.property(), value, refused.getMessage());
    }
}
