package io.github.mlx4j.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How the mlx worker decodes, how it keeps what it has read, and on how many processes or machines it works. Values are
 * checked by the worker: one that this model can't have fails every request with
 * {@link io.github.mlx4j.error.ConfigurationException}.
 *
 * @param draftModel a smaller model with the same vocabulary that guesses ahead, so that answers come sooner: a folder,
 *     or a hub id; {@code null}, the default, is none. Requests run one after another then
 * @param draftTokens how many tokens it guesses ahead, 1 to 16; {@code null} leaves it to the worker: 3
 * @param kvBits quantizes the KV cache to 4 or 8 bits, so that long requests take less memory; {@code null}, the
 *     default, doesn't. Requests run one after another then
 * @param kvTokens the most tokens in the KV cache, 64 or more: beyond them the oldest but the first four are forgotten;
 *     {@code null}, the default, is no bound. Requests run one after another then. Not together with {@code kvBits} or
 *     {@code draftModel}
 * @param ranks spreads the model over so many processes on this machine, 2 to 16; {@code null}, the default, is one.
 *     Requests run one after another then. Not together with {@code draftModel}, {@code kvBits}, {@code kvTokens} or an
 *     adapter; a training has its batches shared by them instead
 * @param hosts the same over the machines of a host file, of which the first is this one; {@code null}, the default, is
 *     none. Not together with {@code ranks}
 * @param wiredLimit whether MLX may wire the memory of weights and KV cache, so that macOS never pages it out; default
 *     {@code false}. Wired memory can panic macOS when several requests run at once (ml-explore/mlx issue 3186)
 * @param tf32 whether GPUs that can do so round float32 to TF32 in matrix products, which is faster and less precise;
 *     {@code null}, the default, leaves it to MLX. Proofs, such as {@code mlx4j verify} and conversions, never do
 */
public record MlxConfig(
        @Nullable String draftModel,
        @Nullable Integer draftTokens,
        @Nullable Integer kvBits,
        @Nullable Integer kvTokens,
        @Nullable Integer ranks,
        @Nullable Path hosts,
        boolean wiredLimit,
        @Nullable Boolean tf32) {

    /** Every default. */
    public static final MlxConfig DEFAULT = new MlxConfig(null, null, null, null, null, null, false, null);

    /** Whether the model is spread over several processes, which reach each other over the network. */
    public boolean isSpread() {
        return ranks != null || hosts != null;
    }

    /** The options that hold for another model too: all but the draft model, which has the vocabulary of one model. */
    public MlxConfig forAnotherModel() {
        return new MlxConfig(null, null, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with a draft model. */
    public MlxConfig withDraftModel(String draftModel) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with another number of tokens to guess ahead. */
    public MlxConfig withDraftTokens(int draftTokens) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with a quantized KV cache. */
    public MlxConfig withKvBits(int kvBits) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with a bounded KV cache. */
    public MlxConfig withKvTokens(int kvTokens) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same over several processes. */
    public MlxConfig withRanks(int ranks) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same over the machines of a host file. */
    public MlxConfig withHosts(Path hosts) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with or without wired memory. */
    public MlxConfig withWiredLimit(boolean wiredLimit) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }

    /** The same with or without TF32. */
    public MlxConfig withTf32(boolean tf32) {
        return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
    }
}
