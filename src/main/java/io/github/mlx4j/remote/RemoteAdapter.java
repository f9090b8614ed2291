package io.github.mlx4j.remote;

import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.CallObserver;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.provider.Backend;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Generates text and embeddings with a remote provider. Requests are not retried. Creating an adapter has no
 * prerequisites; if the provider's LangChain4j module or API key is missing, its requests fail. Thread-safe.
 */
public final class RemoteAdapter extends AbstractTextGenerationPort implements EmbeddingPort, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(RemoteAdapter.class);
    private static final int MAX_TEXTS = 4096;

    private final RemoteProvider provider;
    private final String model;
    private final CallObserver observer;
    private @Nullable Connection connection;
    private boolean closed;

    /**
     * Creates an adapter; nothing is sent yet.
     *
     * @param provider the provider and its configuration
     * @param model the server's name of the model
     */
    public RemoteAdapter(RemoteProvider provider, String model) {
        this(provider, model, null);
    }

    /**
     * Creates an adapter; nothing is sent yet.
     *
     * @param provider the provider and its configuration
     * @param model the server's name of the model
     * @param listener is notified of requests; exceptions that it throws are ignored
     */
    public RemoteAdapter(RemoteProvider provider, String model, @Nullable Mlx4jListener listener) {
        this.provider = provider;
        this.model = model;
        this.observer = new CallObserver(
                listener == null ? null : Mlx4jListener.all(List.of(listener)), provider.kind(), model);
    }

    @Override
    public Optional<String> modelName() {
        return Optional.of(model);
    }

    @Override
    public GenerationSink observed(GenerationRequest request, GenerationSink sink) {
        return observer.generation(request, sink);
    }

    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        try {
            return RemoteGeneration.start(
                    connection(), vendor(), new Backend(provider.kind(), model, "remote"), request, sink);
        } catch (Mlx4jException refused) {
            sink.failed(refused);
        } catch (LinkageError other) {
            sink.failed(new ServerFaults(provider, model).of(other));
        }
        return () -> {};
    }

    /** Returns embeddings exactly as the server computes them. */
    @Override
    public List<float[]> embed(List<String> texts) {
        return observer.vectors(texts.size(), () -> vectors(texts));
    }

    private List<float[]> vectors(List<String> texts) {
        if (texts.isEmpty() || texts.size() > MAX_TEXTS || texts.stream().anyMatch(String::isBlank)) {
            throw new InvalidRequestException("texts must be a list of 1 to " + MAX_TEXTS + " non-empty strings.", "");
        }
        try {
            return RemoteVectors.of(connection(), vendor(), texts);
        } catch (LinkageError other) {
            throw new ServerFaults(provider, model).of(other);
        }
    }

    /** Closes the adapter. Requests in progress fail with {@link ClosedException}. Idempotent. */
    @Override
    public void close() {
        Connection open;
        synchronized (this) {
            closed = true;
            open = connection;
        }
        if (open != null) {
            open.close();
        }
    }

    private synchronized Connection connection() {
        if (closed) {
            throw new ClosedException("The connection to " + provider.kind().id() + " was closed.", "");
        }
        if (connection == null) {
            boolean plain = "http".equalsIgnoreCase(provider.baseUrl().getScheme());
            if (plain
                    && provider.options().key(provider.kind()).isPresent()
                    && !provider.options().isHere(provider.kind())) {
                log.warn(
                        "The API key for {} is sent to {} unencrypted; use https",
                        provider.kind().id(),
                        provider.baseUrl());
            }
            connection = new Connection(provider, new ServerFaults(provider, model));
        }
        return connection;
    }

    /** Returns the provider's client; its class is loaded only if its LangChain4j module is on the class path. */
    private Vendor vendor() {
        Stream.of(provider.whyNoModule(), provider.whyNoKey())
                .flatMap(Optional::stream)
                .findFirst()
                .ifPresent(missing -> {
                    throw missing;
                });
        return Vendor.of(provider, model);
    }
}
