package io.github.mlx4j.remote;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.openai.OpenAiChatRequestParameters;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel.OpenAiEmbeddingModelBuilder;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder;
import dev.langchain4j.model.openai.OpenAiTokenUsage;
import dev.langchain4j.model.output.TokenUsage;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.provider.ProviderKind;
import org.jspecify.annotations.Nullable;

/** OpenAI, or a server that is compatible with its API. */
record OpenAi(RemoteProvider provider, String model) implements Vendor {

    @Override
    public StreamingChatModel chat(HttpClientBuilder http) {
        return new OpenAiStreamingChatModelBuilder()
                .httpClientBuilder(http)
                .baseUrl(provider.baseUrl().toString())
                .apiKey(key())
                .modelName(model)
                .strictJsonSchema(true) // otherwise the schema would not be enforced
                .returnThinking(true)
                .build();
    }

    @Override
    public EmbeddingModel vectors(HttpClientBuilder http) {
        return new OpenAiEmbeddingModelBuilder()
                .httpClientBuilder(http)
                .baseUrl(provider.baseUrl().toString())
                .apiKey(key())
                .modelName(model)
                .maxRetries(0)
                .build();
    }

    @Override
    public ChatRequestParameters parameters(GenerationRequest request) {
        Sampling sampling = request.sampling();
        new UnsupportedOptions(provider.kind())
                .ifSet("topK", sampling.topK(), 0)
                .ifSet("minP", sampling.minP(), 0.0)
                .ifSet("repetitionPenalty", sampling.repetitionPenalty(), 1.0)
                .ifSet("thinking", request.thinking(), null)
                .refuse();
        OpenAiChatRequestParameters.Builder parameters = OpenAiChatRequestParameters.builder()
                .temperature(sampling.temperature())
                .topP(sampling.topP())
                .seed(ChatRequests.seed(sampling, provider.kind()))
                .presencePenalty(sampling.presencePenalty())
                .frequencyPenalty(sampling.frequencyPenalty())
                .stopSequences(request.stop())
                .toolSpecifications(ChatRequests.tools(request, true))
                .responseFormat(ChatRequests.format(request, provider.kind()));
        return provider.options().isUsual(ProviderKind.OPENAI)
                ? parameters
                        .maxCompletionTokens(request.maxTokens())
                        .build() // OpenAI's newer models accept only this parameter
                : parameters.maxOutputTokens(request.maxTokens()).build(); // the name that all other servers know
    }

    @Override
    public Usage usage(@Nullable TokenUsage usage) {
        if (!(usage instanceof OpenAiTokenUsage told)) {
            return Vendor.super.usage(usage);
        }
        OpenAiTokenUsage.InputTokensDetails input = told.inputTokensDetails();
        OpenAiTokenUsage.OutputTokensDetails output = told.outputTokensDetails();
        return new Usage(
                Vendor.count(told.inputTokenCount()),
                Vendor.count(told.outputTokenCount()),
                input == null ? 0 : Vendor.count(input.cachedTokens()),
                output == null ? 0 : Vendor.count(output.reasoningTokens()),
                0);
    }

    @Override
    public boolean alwaysSaysWhyItEnded() {
        return true;
    }

    private @Nullable String key() {
        return provider.options().key(ProviderKind.OPENAI).map(ApiKey::value).orElse(null);
    }
}
