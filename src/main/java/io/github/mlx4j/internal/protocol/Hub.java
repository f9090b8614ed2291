package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** {@code fetchModel}, {@code modelInfo} and {@code removeModel}: the Hugging Face hub and its cache. */
public final class Hub {

    private Hub() {}

    /** Returns a call that downloads a model; {@code stall} is the maximum time without receiving a byte. */
    public static WorkerCall<Fetched> fetch(
            String source, @Nullable String revision, @Nullable HubToken token, Duration stall) {
        return fetch(new Params(source, revision, token, stall.toMillis() / 1000.0, null));
    }

    /** Returns a call that downloads a model that a worker needs. */
    public static WorkerCall<Fetched> fetch(Load.Missing missing, @Nullable HubToken token) {
        return fetch(new Params(missing.source(), missing.revision(), token, null, missing.roomBytes()));
    }

    private static WorkerCall<Fetched> fetch(Params params) {
        return WorkerCall.of(Method.FETCH_MODEL, params, Fetched.class);
    }

    /** Returns a call for the hub's information about a model. */
    public static WorkerCall<Described> describe(String source, @Nullable String revision, @Nullable HubToken token) {
        return WorkerCall.of(Method.MODEL_INFO, new Params(source, revision, token, null, null), Described.class);
    }

    /** Returns a call that removes a model from the cache; the result is the number of bytes freed. */
    public static WorkerCall<Long> remove(String source) {
        return WorkerCall.of(Method.REMOVE_MODEL, new Params(source, null, null, null, null), Removed.class)
                .map(Removed::freedBytes);
    }

    /**
     * The params.
     *
     * @param source a hub ID {@code org/name}
     * @param revision a branch, tag or commit, or {@code null} for the main branch; not for {@code removeModel}
     * @param hubToken the user's token, or {@code null}; not for {@code removeModel}
     * @param stallSeconds of {@code fetchModel}: the maximum time without a byte, or {@code null} for the default
     * @param roomBytes of {@code fetchModel}: the maximum size of the weights in bytes, or {@code null} for no limit
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
     * @param folder the model's folder
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
     * @param licence the licence as the hub names it, or {@code null}
     * @param gated whether the user must first accept the model's terms
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
