package io.github.mlx4j.remote;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.provider.ProviderKind;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Configures the connections to remote providers. Immutable.
 *
 * @param baseUrls the base URL of each provider that does not use its default URL
 * @param keys the API keys that are set
 * @param timeout how long a server may be silent before a request fails
 */
public record RemoteConfig(Map<ProviderKind, URI> baseUrls, Map<ProviderKind, ApiKey> keys, Duration timeout) {

    private static final Map<ProviderKind, URI> USUAL = Map.of(
            ProviderKind.OLLAMA, URI.create("http://localhost:11434"),
            ProviderKind.OPENAI, URI.create("https://api.openai.com/v1"),
            ProviderKind.ANTHROPIC, URI.create("https://api.anthropic.com/v1"));

    /**
     * Makes immutable copies.
     *
     * @throws ConfigurationException if a base URL or the timeout is invalid
     */
    public RemoteConfig {
        baseUrls = Map.copyOf(baseUrls);
        keys = Map.copyOf(keys);
        baseUrls.forEach(RemoteConfig::check);
        if (timeout.isNegative() || timeout.isZero()) {
            throw new ConfigurationException(
                    "The timeout for remote providers is " + timeout + ".", "Set it to a positive duration.");
        }
    }

    /** Default URLs, no API keys, and a timeout of two minutes. */
    public static final RemoteConfig DEFAULT = builder().build();

    /** Returns a builder with all defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns a builder with the values of this configuration. */
    public Builder toBuilder() {
        Builder builder = builder().timeout(timeout);
        builder.baseUrls.putAll(baseUrls);
        builder.keys.putAll(keys);
        return builder;
    }

    /** Returns the base URL of a remote provider. */
    public URI baseUrl(ProviderKind kind) {
        URI stated = baseUrls.get(kind);
        return stated != null ? stated : Objects.requireNonNull(USUAL.get(kind), () -> kind.id() + " is not remote");
    }

    /** Returns the API key of a remote provider, if one is set. */
    public Optional<ApiKey> key(ProviderKind kind) {
        return Optional.ofNullable(keys.get(kind));
    }

    /** Returns whether a provider uses its default URL. */
    public boolean isUsual(ProviderKind kind) {
        return baseUrl(kind).equals(USUAL.get(kind));
    }

    /** Returns whether a provider's server is on this machine, judged by its host name alone, without a DNS lookup. */
    public boolean isHere(ProviderKind kind) {
        return baseUrl(kind).getHost().matches("(?i)localhost|127(\\.\\d{1,3}){3}|\\[::1]");
    }

    private static void check(ProviderKind kind, URI url) {
        boolean http = "http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme());
        if (!http
                || url.getHost() == null
                || url.getRawUserInfo() != null
                || url.getRawQuery() != null
                || url.getRawFragment() != null) {
            throw new ConfigurationException(
                    "The base URL of " + kind.id() + " is not a valid server URL.", // it may have a password in it
                    "Set " + kind.name() + "_BASE_URL to http:// or https://, a host and, if needed, a port and a"
                            + " path, without a user name, password, query or fragment.");
        }
    }

    /** Builds a {@link RemoteConfig}. Not thread-safe. */
    public static final class Builder {
        private final Map<ProviderKind, URI> baseUrls = new HashMap<>();
        private final Map<ProviderKind, ApiKey> keys = new HashMap<>();
        private Duration timeout = Duration.ofMinutes(2);

        private Builder() {}

        /**
         * Sets the base URL of a provider.
         *
         * @throws ConfigurationException if it is not a valid server URL
         */
        public Builder baseUrl(ProviderKind provider, String url) {
            try {
                URI parsed = new URI(url);
                check(provider, parsed);
                baseUrls.put(provider, parsed);
                return this;
            } catch (URISyntaxException error) {
                throw new ConfigurationException( // without the cause, which shows the URL and any password in it
                        "The base URL of " + provider.id() + " is not a valid URL.",
                        "Set " + provider.name() + "_BASE_URL to a URL such as http://localhost:8080/v1.");
            }
        }

        /** Sets the API key of a provider. */
        public Builder key(ProviderKind provider, ApiKey key) {
            keys.put(provider, key);
            return this;
        }

        /** Sets how long a server may be silent before a request fails. Default: two minutes. */
        public Builder timeout(Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @throws ConfigurationException if the timeout is not positive
         */
        public RemoteConfig build() {
            return new RemoteConfig(baseUrls, keys, timeout);
        }
    }
}
