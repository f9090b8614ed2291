package io.github.mlx4j.remote;

import io.github.mlx4j.error.ConfigurationException;

/**
 * The key of a remote provider, which is shown to nobody but its server.
 *
 * @param value the key itself
 */
public record ApiKey(String value) {

    /**
     * Checks that it can be sent.
     *
     * @throws ConfigurationException if it can't; the message does not show it
     */
    public ApiKey {
        if (!value.matches("[!-~]+")) {
            throw new ConfigurationException(
                    "An API key is empty, or has spaces, line ends or other characters that a key can't have.",
                    "Copy the key again.");
        }
    }

    /** Does not show it. */
    @Override
    public String toString() {
        return "***";
    }
}
