package io.github.mlx4j.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Options of the mlx worker: speculative decoding, the KV cache, and distribution over processes or machines. The
 * worker validates the values: if the model doesn't support a value, every request fails with
 * {@link io.github.mlx4j.error.ConfigurationException}.
 *
 * @param draftModel a smaller model with the same vocabulary that proposes tokens (speculative decoding), so that
 *     answers are faster: a folder, or a hub id; {@code null} (the default) for none. With a draft model, requests run
 *     one at a time
 * @param draftTokens the number of tokens that the draft model proposes at a time, 1 to 16; {@code null} for the
 *     worker's default of 3
 * @param kvBits quantizes the KV cache to 4 or 8 bits, so that long requests need less memory; {@code null} (the
 *     default) to disable it. With a quantized cache, requests run one at a time
 * @param kvTokens the maximum number of tokens in the KV cache, 64 or more; beyond it, the oldest tokens are dropped,
 *     except the first four; {@code null} (the default) for no limit. With a limit, requests run one at a time. Can't
 *     be combined with {@code kvBits} or {@code draftModel}
 * @param ranks the number of processes on this machine over which to distribute the model, 2 to 16; {@code null} (the
 *     default) for a single process. Requests of a distributed model run one at a time. Can't be combined with
 *     {@code draftModel}, {@code kvBits}, {@code kvTokens} or an adapter. In training, the processes share each batch
 *     instead
 * @param hosts the same for the machines in a host file, the first of which is this machine; {@code null} (the default)
 *     for none. Can't be combined with {@code ranks}
 * @param wiredLimit whether MLX may wire the memory of weights and KV cache, so that macOS never pages it out; default
 *     {@code false}. Wired memory can panic macOS when several requests run at once (ml-explore/mlx issue 3186)
 * @param tf32 whether GPUs that support it may round float32 to TF32 in matrix products, which is faster and less
 *     precise; {@code null} (the default) for MLX's default. Checks such as {@code mlx4j verify}, and conversions,
 *     never use TF32
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

    /** The options with default values. */
    public static final MlxConfig DEFAULT = builder().build();

    /** Returns whether the model is distributed over several processes, which communicate over the network. */
    public boolean isSpread() {
        return ranks != null || hosts != null;
    }

    /**
     * Returns the options that also apply to a different model: all but the draft model, whose vocabulary must match
     * the model.
     */
    public MlxConfig forAnotherModel() {
        return toBuilder().draftModel(null).draftTokens(null).build();
    }

    /** Creates a builder with default values. */
    public static Builder builder() {
        return new Builder();
    }

    /** Creates a builder with these values. */
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

    /** Builds an {@link MlxConfig}; see there for the defaults. Not thread-safe. */
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

        /** Sets the draft model: a folder, or a hub id. */
        public Builder draftModel(@Nullable String draftModel) {
            this.draftModel = draftModel;
            return this;
        }

        /** Sets the number of tokens that the draft model proposes at a time. */
        public Builder draftTokens(@Nullable Integer draftTokens) {
            this.draftTokens = draftTokens;
            return this;
        }

        /** Sets the number of bits of the KV cache, 4 or 8. */
        public Builder kvBits(@Nullable Integer kvBits) {
            this.kvBits = kvBits;
            return this;
        }

        /** Sets the maximum number of tokens in the KV cache. */
        public Builder kvTokens(@Nullable Integer kvTokens) {
            this.kvTokens = kvTokens;
            return this;
        }

        /** Sets the number of processes on this machine. */
        public Builder ranks(@Nullable Integer ranks) {
            this.ranks = ranks;
            return this;
        }

        /** Sets the host file that lists the machines. */
        public Builder hosts(@Nullable Path hosts) {
            this.hosts = hosts;
            return this;
        }

        /** Sets whether MLX may wire memory. */
        public Builder wiredLimit(boolean wiredLimit) {
            this.wiredLimit = wiredLimit;
            return this;
        }

        /** Sets whether MLX may round float32 to TF32. */
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
