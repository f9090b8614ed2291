package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** {@code fetchModel}, {@code modelInfo} and {@code removeModel}: the Hugging Face hub and its cache. */
public final class Hub {

    private Hub() {}

    /** Downloads a model; the stall is the longest time without a byte. */
    public static WorkerCall<Fetched> fetch(
            String source, @Nullable String revision, @Nullable HubToken token, Duration stall) {
        return fetch(new Params(source, revision, token, stall.toMillis() / 1000.0, null));
    }

    /** Downloads a model that a worker needs. */
    public static WorkerCall<Fetched> fetch(Load.Missing missing, @Nullable HubToken token) {
        return fetch(new Params(missing.source(), missing.revision(), token, null, missing.roomBytes()));
    }

    private static WorkerCall<Fetched> fetch(Params params) {
        return WorkerCall.of(Method.FETCH_MODEL, params, Fetched.class);
    }

    /** Asks what the hub has of a model. */
    public static WorkerCall<Described> describe(String source, @Nullable String revision, @Nullable HubToken token) {
        return WorkerCall.of(Method.MODEL_INFO, new Params(source, revision, token, null, null), Described.class);
    }

    /** Removes a model from the cache; the result is the number of bytes freed. */
    public static WorkerCall<Long> remove(String source) {
        return WorkerCall.of(Method.REMOVE_MODEL, new Params(source, null, null, null, null), Removed.class)
                .map(Removed::freedBytes);
    }

    /**
     * The params.
     *
     * @param source a hub id {@code org/name}
     * @param revision a branch, tag or commit, or {@code null} for the main branch; not of {@code removeModel}
     * @param hubToken the user's token, or {@code null}; not of {@code removeModel}
     * @param stallSeconds of {@code fetchModel}: the longest time without a byte, or {@code null} for the default
     * @param roomBytes of {@code fetchModel}: how many bytes of weights can be loaded, or {@code null} for any number
     */
    record Params(
            String source,
            @Nullable String revision,
            @Nullable HubToken hubToken,
            @Nullable Double stallSeconds,
            @Nullable Long roomBytes) {}

    /**
     * The result of {@code fetchModel}.
     *
     * @param folder where the model is
     * @param revision its commit
     * @param bytes the size of its files
     */
    public record Fetched(@Required String folder, @Required String revision, long bytes) {}

    /**
     * The result of {@code modelInfo}.
     *
     * @param revision the commit
     * @param bytes the size of the files that a worker needs
     * @param weightBytes the size of the weights
     * @param licence as the hub names it, or {@code null}
     * @param gated whether the user must accept its terms first
     * @param config its config.json, or {@code null}
     */
    public record Described(
            @Required String revision,
            long bytes,
            long weightBytes,
            @Nullable String licence,
            boolean gated,
            @Nullable JsonNode config) {}

    record Removed(long freedBytes) {}
}
