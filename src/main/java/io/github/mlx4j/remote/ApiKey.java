package io.github.mlx4j.remote;

import io.github.mlx4j.error.ConfigurationException;

/**
 * The API key of a remote provider. It is sent only to the provider's server and never logged or displayed.
 *
 * @param value the key itself
 */
public record ApiKey(String value) {

    /**
     * Checks that the key can be sent in a header.
     *
     * @throws ConfigurationException if it can't; the message does not contain the key
     */
    public ApiKey {
        if (!value.matches("[!-~]+")) {
            throw new ConfigurationException(
                    "An API key is empty or contains spaces, line breaks or other invalid characters.",
                    "Copy the key again.");
        }
    }

    /** Returns a description that does not contain the key. */
    @Override
    public String toString() {
        return "***";
    }
}
