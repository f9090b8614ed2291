package io.github.mlx4j.remote;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.provider.ProviderKind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A remote provider and its configuration. This type does not need LangChain4j on the class path.
 *
 * @param kind the provider
 * @param options its URL, API key and timeout
 */
public record RemoteProvider(ProviderKind kind, RemoteConfig options) {

    /** The version of {@code langchain4j-open-ai} and {@code langchain4j-anthropic} that this code is compiled with. */
    static final String VERSION = "1.19.0";

    /** The version of {@code langchain4j-ollama} that this code is compiled with. */
    static final String OLLAMA_VERSION = "1.18.1";

    private static final JsonMapper JSON = new JsonMapper();
    private static final int MAX_VERSION_BYTES = 64 * 1024;
    private static final Duration PATIENCE = Duration.ofMillis(700);

    /** Returns the base URL. */
    public URI baseUrl() {
        return options.baseUrl(kind);
    }

    /** Returns the Maven coordinates of the provider's LangChain4j module. */
    public String module() {
        return switch (kind) {
            case OLLAMA -> "dev.langchain4j:langchain4j-ollama:" + OLLAMA_VERSION;
            case OPENAI -> "dev.langchain4j:langchain4j-open-ai:" + VERSION;
            case ANTHROPIC -> "dev.langchain4j:langchain4j-anthropic:" + VERSION;
            case MLX, HF -> throw new IllegalArgumentException(kind + " is not remote");
        };
    }

    /** Returns an error if the provider's module is not on the class path. */
    public Optional<ProviderUnavailableException> whyNoModule() {
        String name = switch (kind) {
            case OLLAMA -> "ollama/Ollama";
            case OPENAI -> "openai/OpenAi";
            default -> "anthropic/Anthropic";
        };
        String main = "dev/langchain4j/model/" + name + "StreamingChatModel.class";
        return RemoteProvider.class.getClassLoader().getResource(main) != null
                ? Optional.empty()
                : Optional.of(notAvailable(
                        kind.id() + " requires a LangChain4j module that is not on the class path.",
                        "Add " + module() + " to your program's dependencies."));
    }

    /** Returns an error if the provider needs an API key and none is set. */
    public Optional<ProviderUnavailableException> whyNoKey() {
        boolean needed = kind == ProviderKind.ANTHROPIC || (kind == ProviderKind.OPENAI && options.isUsual(kind));
        return !needed || options.key(kind).isPresent()
                ? Optional.empty()
                : Optional.of(new ProviderUnavailableException(
                        "MISSING_API_KEY",
                        kind.id() + " requires an API key, but " + kind.name() + "_API_KEY is not set.",
                        "Set " + kind.name() + "_API_KEY, or use another provider."));
    }

    /**
     * Returns an error if the server does not respond. Only an Ollama server is contacted; others may be paid services.
     */
    public Optional<ProviderUnavailableException> whyNoServer() {
        if (kind != ProviderKind.OLLAMA || answers()) {
            return Optional.empty();
        }
        return Optional.of(notAvailable(
                "No Ollama server answers at " + baseUrl() + ".",
                "Start one (`ollama serve`), or set OLLAMA_BASE_URL."));
    }

    ProviderUnavailableException notAvailable(String message, String hint) {
        return new ProviderUnavailableException(kind.name() + "_NOT_AVAILABLE", message, hint, true);
    }

    private boolean answers() {
        String base = baseUrl().toString();
        URI version = URI.create((base.endsWith("/") ? base : base + "/") + "api/version");
        HttpClient client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(PATIENCE)
                .build();
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        CompletableFuture<HttpResponse<Void>> answer = client.sendAsync(
                HttpRequest.newBuilder(version).build(), HttpResponse.BodyHandlers.ofByteArrayConsumer(bytes -> {
                    if (said.size() < MAX_VERSION_BYTES) {
                        bytes.ifPresent(said::writeBytes);
                    }
                }));
        try {
            return answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS).statusCode() == 200
                    && JSON.readTree(said.toByteArray()).path("version").isTextual();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The check for an Ollama server was interrupted.", "", interrupt);
        } catch (ExecutionException | TimeoutException | IOException none) {
            return false;
        } finally {
            answer.cancel(true);
        }
    }
}
