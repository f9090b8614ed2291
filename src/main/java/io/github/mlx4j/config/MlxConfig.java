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
    public static final MlxConfig DEFAULT = builder().build();

    /** Whether the model is spread over several processes, which reach each other over the network. */
    public boolean isSpread() {
        return ranks != null || hosts != null;
    }

    /** The options that hold for another model too: all but the draft model, which has the vocabulary of one model. */
    public MlxConfig forAnotherModel() {
        return toBuilder().draftModel(null).draftTokens(null).build();
    }

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder with these values. */
    public Builder toBuilder() {
        return new Builder()
                .draftModel(draftModel)
                .draftTokens(draftTokens)
                .kvBits(kvBits)
                .kvTokens(kvTokens)
                .ranks(ranks)
                .hosts(hosts)
                .wiredLimit(wiredLimit)
                .tf32(tf32);
    }

    /** Builds an {@link MlxConfig}, whose documentation has the defaults. Not thread-safe. */
    public static final class Builder {
        private @Nullable String draftModel;
        private @Nullable Integer draftTokens;
        private @Nullable Integer kvBits;
        private @Nullable Integer kvTokens;
        private @Nullable Integer ranks;
        private @Nullable Path hosts;
        private boolean wiredLimit;
        private @Nullable Boolean tf32;

        private Builder() {}

        /** The draft model: a folder, or a hub id. */
        public Builder draftModel(@Nullable String draftModel) {
            this.draftModel = draftModel;
            return this;
        }

        /** The number of tokens that the draft model proposes at a time. */
        public Builder draftTokens(@Nullable Integer draftTokens) {
            this.draftTokens = draftTokens;
            return this;
        }

        /** The number of bits of the KV cache, 4 or 8. */
        public Builder kvBits(@Nullable Integer kvBits) {
            this.kvBits = kvBits;
            return this;
        }

        /** The maximum number of tokens in the KV cache. */
        public Builder kvTokens(@Nullable Integer kvTokens) {
            this.kvTokens = kvTokens;
            return this;
        }

        /** The number of processes on this machine. */
        public Builder ranks(@Nullable Integer ranks) {
            this.ranks = ranks;
            return this;
        }

        /** The host file of the machines. */
        public Builder hosts(@Nullable Path hosts) {
            this.hosts = hosts;
            return this;
        }

        /** Whether MLX may wire memory. */
        public Builder wiredLimit(boolean wiredLimit) {
            this.wiredLimit = wiredLimit;
            return this;
        }

        /** Whether MLX may round float32 to TF32. */
        public Builder tf32(@Nullable Boolean tf32) {
            this.tf32 = tf32;
            return this;
        }

        /** Builds the configuration. */
        public MlxConfig build() {
            return new MlxConfig(draftModel, draftTokens, kvBits, kvTokens, ranks, hosts, wiredLimit, tf32);
        }
    }
}
