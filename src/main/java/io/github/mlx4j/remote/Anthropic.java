package io.github.mlx4j.remote;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.anthropic.AnthropicChatRequestParameters;
import dev.langchain4j.model.anthropic.AnthropicStreamingChatModel;
import dev.langchain4j.model.anthropic.AnthropicTokenUsage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.TokenUsage;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/** Anthropic's Messages API. */
record Anthropic(RemoteProvider provider, String model) implements Vendor {

    /**
     * The minimum thinking budget that Anthropic accepts, in tokens; thinking tokens count towards {@code maxTokens}.
     */
    private static final int MIN_THINKING = 1024;

    @Override
    public StreamingChatModel chat(HttpClientBuilder http) {
        return AnthropicStreamingChatModel.builder()
                .httpClientBuilder(http)
                .baseUrl(provider.baseUrl().toString())
                .apiKey(provider.options()
                        .key(ProviderKind.ANTHROPIC)
                        .map(ApiKey::value)
                        .orElseThrow())
                .modelName(model)
                .returnThinking(true)
                .build();
    }

    @Override
    public EmbeddingModel vectors(HttpClientBuilder http) {
        throw new NotSupportedException(
                "anthropic does not support embeddings.", "Use ollama, openai, mlx or hf for embeddings.");
    }

    @Override
    public ChatRequestParameters parameters(GenerationRequest request) {
        Sampling sampling = request.sampling();
        new UnsupportedOptions(provider.kind())
                .ifSet("minP", sampling.minP(), 0.0)
                .ifSet("seed", sampling.seed(), null)
                .ifSet("repetitionPenalty", sampling.repetitionPenalty(), 1.0)
                .ifSet("presencePenalty", sampling.presencePenalty(), 0.0)
                .ifSet("frequencyPenalty", sampling.frequencyPenalty(), 0.0)
                .ifSet("a JSON response format without a schema", json(request), null)
                .refuse();
        Integer topK = sampling.topK();
        AnthropicChatRequestParameters.Builder parameters = AnthropicChatRequestParameters.builder()
                .temperature(sampling.temperature())
                .topP(sampling.topP())
                .topK(topK == null || topK == 0 ? null : topK)
                .maxOutputTokens(request.maxTokens())
                .stopSequences(request.stop())
                .toolSpecifications(ChatRequests.tools(request, true))
                .responseFormat(ChatRequests.format(request, provider.kind()))
                .returnThinking(true);
        if (Boolean.TRUE.equals(request.thinking())) {
            int budget = Math.max(MIN_THINKING, request.maxTokens() / 2);
            if (budget >= request.maxTokens()) {
                throw new NotSupportedException(
                        "anthropic requires maxTokens above %d for thinking, but this request has %d."
                                .formatted(MIN_THINKING, request.maxTokens()),
                        "Raise maxTokens, or leave thinking out.");
            }
            parameters.thinkingType("enabled").thinkingBudgetTokens(budget);
        } else if (request.thinking() != null) {
            parameters.thinkingType("disabled");
        }
        return parameters.build();
    }

    @Override
    public Usage usage(@Nullable TokenUsage usage) {
        if (!(usage instanceof AnthropicTokenUsage told)) {
            return Vendor.super.usage(usage);
        }
        int cached = Vendor.count(told.cacheReadInputTokens());
        int prompt = Vendor.count(told.inputTokenCount()) + Vendor.count(told.cacheCreationInputTokens()) + cached;
        return new Usage(prompt, Vendor.count(told.outputTokenCount()), cached, 0, 0);
    }

    private static @Nullable Boolean json(GenerationRequest request) {
        return request.responseFormat() instanceof ResponseFormat.Json ? true : null;
    }
}
