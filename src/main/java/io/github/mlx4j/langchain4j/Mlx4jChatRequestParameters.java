package io.github.mlx4j.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Sampling;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** LangChain4j's request parameters, extended by those specific to mlx4j. Immutable. */
public final class Mlx4jChatRequestParameters extends DefaultChatRequestParameters {

    /** Parameters of which none is set. */
    public static final Mlx4jChatRequestParameters EMPTY = builder().build();

    private final @Nullable Double minP;
    private final @Nullable Long seed;
    private final @Nullable Double repetitionPenalty;
    private final Map<Integer, Double> logitBias;
    private final @Nullable Boolean thinking;
    private final @Nullable String cacheSalt;
    private final @Nullable Duration deadline;

    private Mlx4jChatRequestParameters(Builder builder) {
        super(builder);
        minP = builder.minP;
        seed = builder.seed;
        repetitionPenalty = builder.repetitionPenalty;
        logitBias = Map.copyOf(builder.logitBias);
        thinking = builder.thinking;
        cacheSalt = builder.cacheSalt;
        deadline = builder.deadline;
    }

    /** Returns a builder with no parameter set. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns {@link Sampling#minP()}. */
    public @Nullable Double minP() {
        return minP;
    }

    /** Returns {@link Sampling#seed()}. */
    public @Nullable Long seed() {
        return seed;
    }

    /** Returns {@link Sampling#repetitionPenalty()}. */
    public @Nullable Double repetitionPenalty() {
        return repetitionPenalty;
    }

    /** Returns {@link Sampling#logitBias()}. */
    public Map<Integer, Double> logitBias() {
        return logitBias;
    }

    /** Returns {@link GenerationRequest#thinking()}. */
    public @Nullable Boolean thinking() {
        return thinking;
    }

    /** Returns {@link GenerationRequest#cacheSalt()}. */
    public @Nullable String cacheSalt() {
        return cacheSalt;
    }

    /** Returns {@link GenerationRequest#deadline()}. */
    public @Nullable Duration deadline() {
        return deadline;
    }

    @Override
    public Mlx4jChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).build();
    }

    @Override
    public Mlx4jChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).build();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return super.equals(other)
                && other instanceof Mlx4jChatRequestParameters that
                && Objects.equals(minP, that.minP)
                && Objects.equals(seed, that.seed)
                && Objects.equals(repetitionPenalty, that.repetitionPenalty)
                && logitBias.equals(that.logitBias)
                && Objects.equals(thinking, that.thinking)
                && Objects.equals(cacheSalt, that.cacheSalt)
                && Objects.equals(deadline, that.deadline);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), minP, seed, repetitionPenalty, logitBias, thinking, cacheSalt, deadline);
    }

    @Override
    public String toString() {
        return "Mlx4jChatRequestParameters{%s, minP=%s, seed=%s, repetitionPenalty=%s, logitBias=%s, thinking=%s, cacheSalt=%s, deadline=%s}"
                .formatted(super.toString(), minP, seed, repetitionPenalty, logitBias, thinking, cacheSalt, deadline);
    }

    /** Builds {@link Mlx4jChatRequestParameters}. Not thread-safe. */
    public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
        private @Nullable Double minP;
        private @Nullable Long seed;
        private @Nullable Double repetitionPenalty;
        private Map<Integer, Double> logitBias = Map.of();
        private @Nullable Boolean thinking;
        private @Nullable String cacheSalt;
        private @Nullable Duration deadline;

        private Builder() {}

        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            super.overrideWith(parameters);
            if (parameters instanceof Mlx4jChatRequestParameters ours) {
                minP = ours.minP != null ? ours.minP : minP;
                seed = ours.seed != null ? ours.seed : seed;
                repetitionPenalty = ours.repetitionPenalty != null ? ours.repetitionPenalty : repetitionPenalty;
                logitBias = ours.logitBias.isEmpty() ? logitBias : ours.logitBias;
                thinking = ours.thinking != null ? ours.thinking : thinking;
                cacheSalt = ours.cacheSalt != null ? ours.cacheSalt : cacheSalt;
                deadline = ours.deadline != null ? ours.deadline : deadline;
            }
            return this;
        }

        /** Sets {@link Sampling#minP()}. */
        public Builder minP(double minP) {
            this.minP = minP;
            return this;
        }

        /** Sets {@link Sampling#seed()}. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets {@link Sampling#repetitionPenalty()}. */
        public Builder repetitionPenalty(double repetitionPenalty) {
            this.repetitionPenalty = repetitionPenalty;
            return this;
        }

        /** Sets {@link Sampling#logitBias()}. */
        public Builder logitBias(Map<Integer, Double> logitBias) {
            this.logitBias = logitBias;
            return this;
        }

        /** Sets {@link GenerationRequest#thinking()}. */
        public Builder thinking(boolean thinking) {
            this.thinking = thinking;
            return this;
        }

        /** Sets {@link GenerationRequest#cacheSalt()}. */
        public Builder cacheSalt(String cacheSalt) {
            this.cacheSalt = cacheSalt;
            return this;
        }

        /** Sets {@link GenerationRequest#deadline()}. */
        public Builder deadline(Duration deadline) {
            this.deadline = deadline;
            return this;
        }

        @Override
        public Mlx4jChatRequestParameters build() {
            return new Mlx4jChatRequestParameters(this);
        }
    }
}
