package io.github.mlx4j.generation;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request for text. Immutable; create one with {@link #chat}, {@link #raw}, {@link #tokens} or {@link #builder}.
 *
 * <p>Values are validated when the request is used, so every provider rejects an invalid value in the same way: with an
 * {@link io.github.mlx4j.error.InvalidRequestException} that names it.
 *
 * @param prompt the input of the model
 * @param sampling how tokens are chosen
 * @param maxTokens the maximum number of tokens to generate, at least 1; the model's context may allow fewer. Default:
 *     {@value #DEFAULT_MAX_TOKENS}
 * @param stop texts that end the answer and are not included in it; at most 16, none empty
 * @param responseFormat the format that the text must have; {@code null}, the default, means free text. Can't be
 *     combined with {@code stop} or {@code tools}
 * @param tools the tools that the model may call, at most 128; only for chats. The result contains its calls; continue
 *     the chat with {@link Message#assistant(String, List)} and {@link Message#tool}
 * @param thinking whether the model thinks before it answers; {@code null}, the default, leaves it to the chat
 *     template. Only for chats
 * @param logProbs reports the log probability of each token and of this many most probable alternatives, 0 to 20;
 *     {@code null}, the default, disables it
 * @param cacheSalt only requests with the same salt share cached prefixes, so that {@code cachedTokens} and timings
 *     reveal nothing about other tenants' prompts; 1 to 256 characters, such as a tenant id. {@code null}, the default,
 *     shares with all requests without a salt. Not supported by remote providers
 * @param deadline the maximum time from the call to the end of the answer, including queueing and loading. When it
 *     expires, the request is cancelled and fails with {@link io.github.mlx4j.error.DeadlineExceededException}.
 *     {@code null}, the default, means no limit
 */
public record GenerationRequest(
        Prompt prompt,
        Sampling sampling,
        int maxTokens,
        List<String> stop,
        @Nullable ResponseFormat responseFormat,
        List<ToolSpec> tools,
        @Nullable Boolean thinking,
        @Nullable Integer logProbs,
        @Nullable String cacheSalt,
        @Nullable Duration deadline) {

    /** The default of {@link #maxTokens()}. */
    public static final int DEFAULT_MAX_TOKENS = 1024;

    /** Takes immutable copies. */
    public GenerationRequest {
        stop = List.copyOf(stop);
        tools = List.copyOf(tools);
    }

    /** A chat with one user message and default options. */
    public static GenerationRequest chat(String userMessage) {
        return builder().user(userMessage).build();
    }

    /** A chat with default options. */
    public static GenerationRequest chat(List<Message> messages) {
        return new Builder().prompt(new Prompt.Chat(messages)).build();
    }

    /** Text to continue without a chat template, with default options. */
    public static GenerationRequest raw(String text) {
        return new Builder().prompt(new Prompt.Raw(text)).build();
    }

    /** Token ids to continue, with default options. */
    public static GenerationRequest tokens(Integer... ids) {
        return new Builder().prompt(new Prompt.Tokens(Arrays.asList(ids))).build();
    }

    /** A builder for a chat, or for another prompt with {@link Builder#prompt}. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder initialized with this request's values. */
    public Builder toBuilder() {
        Builder builder = new Builder()
                .prompt(prompt)
                .maxTokens(maxTokens)
                .stop(stop)
                .tools(tools)
                .logitBias(sampling.logitBias());
        builder.temperature = sampling.temperature();
        builder.topP = sampling.topP();
        builder.topK = sampling.topK();
        builder.minP = sampling.minP();
        builder.seed = sampling.seed();
        builder.repetitionPenalty = sampling.repetitionPenalty();
        builder.presencePenalty = sampling.presencePenalty();
        builder.frequencyPenalty = sampling.frequencyPenalty();
        builder.responseFormat = responseFormat;
        builder.thinking = thinking;
        builder.logProbs = logProbs;
        builder.cacheSalt = cacheSalt;
        builder.deadline = deadline;
        return builder;
    }

    /** Builds a {@link GenerationRequest}. Not thread-safe. */
    public static final class Builder {
        private final List<Message> messages = new ArrayList<>();
        private @Nullable Prompt prompt;
        private @Nullable Double temperature;
        private @Nullable Double topP;
        private @Nullable Integer topK;
        private @Nullable Double minP;
        private @Nullable Long seed;
        private @Nullable Double repetitionPenalty;
        private @Nullable Double presencePenalty;
        private @Nullable Double frequencyPenalty;
        private Map<Integer, Double> logitBias = Map.of();
        private int maxTokens = DEFAULT_MAX_TOKENS;
        private List<String> stop = List.of();
        private @Nullable ResponseFormat responseFormat;
        private List<ToolSpec> tools = List.of();
        private @Nullable Boolean thinking;
        private @Nullable Integer logProbs;
        private @Nullable String cacheSalt;
        private @Nullable Duration deadline;

        private Builder() {}

        /** Adds a system message. */
        public Builder system(String content) {
            return message(Message.system(content));
        }

        /** Adds a user message. */
        public Builder user(String content) {
            return message(Message.user(content));
        }

        /** Adds an earlier answer of the model. */
        public Builder assistant(String content) {
            return message(Message.assistant(content));
        }

        /** Adds a message. */
        public Builder message(Message message) {
            messages.add(message);
            return this;
        }

        /** Sets the prompt instead of messages. */
        public Builder prompt(Prompt prompt) {
            this.prompt = prompt;
            return this;
        }

        /** Sets {@link Sampling#temperature()}. */
        public Builder temperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        /** Sets {@link Sampling#topP()}. */
        public Builder topP(double topP) {
            this.topP = topP;
            return this;
        }

        /** Sets {@link Sampling#topK()}. */
        public Builder topK(int topK) {
            this.topK = topK;
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

        /** Sets {@link Sampling#presencePenalty()}. */
        public Builder presencePenalty(double presencePenalty) {
            this.presencePenalty = presencePenalty;
            return this;
        }

        /** Sets {@link Sampling#frequencyPenalty()}. */
        public Builder frequencyPenalty(double frequencyPenalty) {
            this.frequencyPenalty = frequencyPenalty;
            return this;
        }

        /** Sets {@link Sampling#logitBias()}. */
        public Builder logitBias(Map<Integer, Double> logitBias) {
            this.logitBias = logitBias;
            return this;
        }

        /** Sets {@link GenerationRequest#maxTokens()}. */
        public Builder maxTokens(int maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        /** Sets {@link GenerationRequest#stop()}. */
        public Builder stop(String... stop) {
            return stop(List.of(stop));
        }

        /** Sets {@link GenerationRequest#stop()}. */
        public Builder stop(List<String> stop) {
            this.stop = stop;
            return this;
        }

        /** Sets {@link GenerationRequest#responseFormat()}. */
        public Builder responseFormat(ResponseFormat responseFormat) {
            this.responseFormat = responseFormat;
            return this;
        }

        /** Sets {@link GenerationRequest#tools()}. */
        public Builder tools(ToolSpec... tools) {
            return tools(List.of(tools));
        }

        /** Sets {@link GenerationRequest#tools()}. */
        public Builder tools(List<ToolSpec> tools) {
            this.tools = tools;
            return this;
        }

        /** Sets {@link GenerationRequest#thinking()}. */
        public Builder thinking(boolean thinking) {
            this.thinking = thinking;
            return this;
        }

        /** Sets {@link GenerationRequest#logProbs()}. */
        public Builder logProbs(int logProbs) {
            this.logProbs = logProbs;
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

        /**
         * Builds the request.
         *
         * @throws IllegalStateException if both a prompt and messages were set
         */
        public GenerationRequest build() {
            if (prompt != null && !messages.isEmpty()) {
                throw new IllegalStateException("A request has a prompt or messages, not both");
            }
            return new GenerationRequest(
                    prompt != null ? prompt : new Prompt.Chat(messages),
                    new Sampling(
                            temperature,
                            topP,
                            topK,
                            minP,
                            seed,
                            repetitionPenalty,
                            presencePenalty,
                            frequencyPenalty,
                            logitBias),
                    maxTokens,
                    stop,
                    responseFormat,
                    tools,
                    thinking,
                    logProbs,
                    cacheSalt,
                    deadline);
        }
    }
}
