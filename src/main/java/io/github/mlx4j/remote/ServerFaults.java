package io.github.mlx4j.remote;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Creates errors from a server's responses and from failed connections. No error contains the API key. */
record ServerFaults(RemoteProvider provider, String model) {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int MAX = 500;
    private static final Pattern TOO_LONG = Pattern.compile(
            "(?i)context_length_exceeded|exceed_context_size|context (length|window|size)|prompt is too long");

    /** Returns the error for a response whose status is not 2xx. */
    Mlx4jException ofStatus(int status, String body, @Nullable String retryAfter) {
        String who = server() + " answered with HTTP " + status;
        String said = said(body);
        String setting = provider.kind().name();
        return switch (status) {
            case 401 -> noAccess(who); // some servers repeat a part of the key in their message
            case 403 ->
                new ConfigurationException(
                        who + ", access denied" + said,
                        "Check that the key in " + setting + "_API_KEY has permission to do this.");
            case 404 ->
                new ModelNotFoundException(
                        who + " for the model " + model + said,
                        provider.kind() == ProviderKind.OLLAMA
                                ? "Run `ollama pull " + model
                                        + "` on that machine, or set OLLAMA_MODEL to another model."
                                : "Name a model that it has in " + setting + "_MODEL, or correct " + setting
                                        + "_BASE_URL.");
            case 408, 504 -> provider.notAvailable(who + ", a timeout" + said, "Try again.");
            case 429 ->
                new ProviderUnavailableException(
                        "RATE_LIMITED",
                        who + ", too many requests" + said,
                        "Try again " + (retryAfter == null ? "later" : "after " + retryAfter + " s")
                                + ", or check the limits of your account.",
                        true);
            default -> other(status, who + said, said);
        };
    }

    /** Returns the error for a request that failed in LangChain4j, in the JDK or on the network. */
    Mlx4jException of(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof Mlx4jException known) {
            return known;
        }
        if (cause instanceof IOException && !(cause instanceof JsonProcessingException)) {
            return provider.notAvailable(
                    "Could not connect to " + server() + ": " + words(cause),
                    "Check that the server is running and that "
                            + provider.kind().name() + "_BASE_URL is correct.");
        }
        if (cause instanceof LinkageError) {
            return provider.notAvailable(
                    "The version of LangChain4j on the class path is incompatible: " + words(cause),
                    "Use " + provider.module() + " and the LangChain4j modules of the same release.");
        }
        return new ProtocolException(
                server() + " sent a response that can't be parsed: " + words(cause),
                "Check that " + provider.kind().name() + "_BASE_URL points to such a server.");
    }

    /** Returns the error for a connection that ended before the response was complete. */
    Mlx4jException brokenOff(String detail) {
        return provider.notAvailable(
                "The answer from " + server() + " ended prematurely" + (detail.isEmpty() ? "." : ": " + detail),
                "Try again.");
    }

    /** Returns the error for a response, or an event, that is larger than the limit. */
    Mlx4jException tooLarge(String what, long maxBytes) {
        return new ProtocolException(
                "%s sent an %s of more than %d MiB, so the connection was closed."
                        .formatted(server(), what, maxBytes >> 20),
                "This is a bug in the server.");
    }

    /** Returns the error for a server that keeps generating far beyond the request's {@code maxTokens}. */
    Mlx4jException endless(int maxTokens, long maxChars) {
        return new ProtocolException(
                "%s ignored maxTokens = %d: its answer has more than %d characters, so the connection was closed."
                        .formatted(server(), maxTokens, maxChars),
                "Use a server that respects maxTokens, or raise maxTokens.");
    }

    /**
     * Returns the error for a web page in place of a response, sent by a proxy, a login page or another kind of server.
     */
    Mlx4jException webPage() {
        return new ProtocolException(
                server() + " answered with a web page (text/html).",
                "Check that " + provider.kind().name()
                        + "_BASE_URL points to such a server, and that no proxy or login page answers instead.");
    }

    /** Returns the error for a server that was silent for too long. */
    Mlx4jException silent() {
        return provider.notAvailable(
                "%s sent nothing for %d s."
                        .formatted(server(), provider.options().timeout().toSeconds()),
                "Try again, or allow more time with MLX4J_REMOTE_TIMEOUT_SECONDS.");
    }

    /** Returns the error that a server sent in the middle of a response. */
    Mlx4jException inAnswer(String body) {
        String said = said(body);
        return TOO_LONG.matcher(said).find()
                ? new ContextOverflowException(server() + " stopped" + said, "Shorten the prompt.")
                : new EngineException(server() + " stopped in the middle of its answer" + said, "Try again.");
    }

    String server() {
        return provider.kind().id() + " at " + provider.baseUrl();
    }

    private Mlx4jException noAccess(String who) {
        String setting = provider.kind().name() + "_API_KEY";
        return provider.options().key(provider.kind()).isPresent()
                ? new ConfigurationException(
                        who + ": it rejected the key in " + setting + ".", "Correct " + setting + ".")
                : new ProviderUnavailableException(
                        "MISSING_API_KEY",
                        who + ": it requires a key, but " + setting + " is not set.",
                        "Set " + setting + ".");
    }

    private Mlx4jException other(int status, String message, String said) {
        if (status >= 500) {
            return new EngineException(message, "Try again; the error is on the server's side.");
        }
        if (status < 400) {
            return new ConfigurationException(
                    message,
                    "Redirects are not followed: correct " + provider.kind().name() + "_BASE_URL.");
        }
        return TOO_LONG.matcher(said).find()
                ? new ContextOverflowException(message, "Shorten the prompt, or ask for fewer tokens.")
                : new InvalidRequestException(message, "");
    }

    /** Returns the message of a server's error, formatted to be appended to a sentence. */
    private String said(String body) {
        String text = message(body).orElse(body).strip().replaceAll("\\s+", " ");
        return text.isEmpty() ? "." : ": " + shortened(text);
    }

    private static Optional<String> message(String body) {
        try {
            JsonNode root = JSON.readTree(body);
            JsonNode error = root.path("error");
            for (JsonNode text :
                    new JsonNode[] {error.path("message"), error, root.path("message"), root.path("detail")}) {
                if (text.isTextual()) {
                    String code = error.path("code").asText("");
                    return Optional.of(
                            text.asText() + (code.isEmpty() || code.equals("null") ? "" : " (" + code + ")"));
                }
            }
            return Optional.empty();
        } catch (JsonProcessingException other) {
            return Optional.empty();
        }
    }

    private String words(Throwable error) {
        if (error.getCause() != null && error.getClass() == RuntimeException.class) {
            return words(error.getCause()); // LangChain4j wraps parse errors
        }
        String message = error instanceof JsonProcessingException json ? json.getOriginalMessage() : error.getMessage();
        return shortened(error.getClass().getSimpleName() + (message == null ? "" : " (" + message + ")"));
    }

    private String shortened(String text) {
        ApiKey key = provider.options().key(provider.kind()).orElse(null);
        String safe = key == null ? text : text.replace(key.value(), key.toString());
        return safe.length() <= MAX ? safe : safe.substring(0, MAX) + " …";
    }
}
