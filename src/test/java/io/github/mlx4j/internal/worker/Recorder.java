package io.github.mlx4j.internal.worker;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** Records the messages of a call. */
final class Recorder implements Reply<JsonNode> {

    private final List<JsonNode> chunks = new CopyOnWriteArrayList<>();
    private final CompletableFuture<JsonNode> end = new CompletableFuture<>();
    private final CompletableFuture<Void> begun = new CompletableFuture<>();
    private final AtomicInteger ends = new AtomicInteger();

    @Override
    public void notified(String method, JsonNode params) {
        if (method.equals("chunk")) {
            chunks.add(params);
            begun.complete(null);
        }
    }

    @Override
    public void answered(JsonNode result) {
        ends.incrementAndGet();
        end.complete(result);
    }

    @Override
    public void failed(Mlx4jException error) {
        ends.incrementAndGet();
        end.completeExceptionally(error);
    }

    /** Done with the first chunk. */
    CompletableFuture<Void> begun() {
        return begun;
    }

    /** Done with the answer or the failure. */
    CompletableFuture<JsonNode> end() {
        return end;
    }

    /** How often it ended. */
    int ends() {
        return ends.get();
    }

    /** The text so far. */
    String text() {
        return chunks.stream().map(chunk -> chunk.path("text").textValue()).collect(Collectors.joining());
    }
}
