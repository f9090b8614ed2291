package io.github.mlx4j.error;

/**
 * A provider that can't run or be reached from here, or, with the code {@code NO_PROVIDER_AVAILABLE}, none of those
 * that were tried.
 *
 * <p>The code of a single provider is its name with {@code _NOT_AVAILABLE}, for example {@code MLX_NOT_AVAILABLE}.
 */
public final class ProviderUnavailableException extends Mlx4jException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it; {@code code} is {@code MLX_NOT_AVAILABLE}, {@code HF_NOT_AVAILABLE}, …, {@code MISSING_API_KEY} or
     * {@code NO_PROVIDER_AVAILABLE}.
     */
    public ProviderUnavailableException(String code, String message, String hint) {
        this(code, message, hint, false);
    }

    /** Creates it for a server that may answer later; {@code code} may be {@code RATE_LIMITED} too. */
    public ProviderUnavailableException(String code, String message, String hint, boolean retryable) {
        super(code, Fault.BACKEND, message, hint, retryable, null);
    }
}
