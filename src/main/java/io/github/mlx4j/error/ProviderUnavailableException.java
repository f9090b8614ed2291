package io.github.mlx4j.error;

/**
 * Thrown when a provider can't run here or can't be reached. With the code {@code NO_PROVIDER_AVAILABLE}, it means that
 * none of the providers that were tried is available.
 *
 * <p>The code for a single provider is its name followed by {@code _NOT_AVAILABLE}, such as {@code MLX_NOT_AVAILABLE}.
 */
public final class ProviderUnavailableException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception; {@code code} is {@code MLX_NOT_AVAILABLE}, {@code HF_NOT_AVAILABLE}, …,
     * {@code MISSING_API_KEY} or {@code NO_PROVIDER_AVAILABLE}.
     */
    public ProviderUnavailableException(String code, String message, String hint) {
        this(code, message, hint, false);
    }

    /** Creates an exception for a server that may answer later; {@code code} may also be {@code RATE_LIMITED}. */
    public ProviderUnavailableException(String code, String message, String hint, boolean retryable) {
        super(code, Fault.BACKEND, message, hint, retryable, null);
    }
}
