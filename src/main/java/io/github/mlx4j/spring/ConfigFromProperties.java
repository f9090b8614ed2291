package io.github.mlx4j.spring;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.UnsupportedProviderException;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
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
        Map<String, String> settings = new HashMap<>(environment);
        Map<PropertySetting, String> set = PropertySetting.in(properties);
        set.forEach((each, value) -> settings.put(each.setting(), value));
        try {
            return ProviderConfig.fromEnv(settings);
        } catch (ConfigurationException | UnsupportedProviderException refused) {
            throw set.entrySet().stream()
                    .filter(each -> isNamed(each.getKey().setting(), refused.getMessage()))
                    .findFirst()
                    .map(each -> named(each.getKey(), each.getValue(), refused))
                    .orElse(refused);
        }
    }

    /** The same error with the property's name. Spring shows the value of a property that it knows to be wrong. */
    private static RuntimeException named(PropertySetting property, String value, Mlx4jException refused) {
        return property.mayBeSecret()
                ? new ConfigurationException(
                        refused.reason(), refused.hint() + " As a property it is " + property.property() + ".")
                : new InvalidConfigurationPropertyValueException(property.property(), value, refused.getMessage());
    }

    private static boolean isNamed(String setting, String message) {
        return Pattern.compile("\\b" + setting + "\\b").matcher(message).find();
    }
}
