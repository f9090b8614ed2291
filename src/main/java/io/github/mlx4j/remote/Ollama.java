package io.github.mlx4j.remote;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.ollama.OllamaChatRequestParameters;
import dev.langchain4j.model.ollama.OllamaEmbeddingModel.OllamaEmbeddingModelBuilder;
import dev.langchain4j.model.ollama.OllamaStreamingChatModel.OllamaStreamingChatModelBuilder;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Sampling;

/** An Ollama server. */
record Ollama(RemoteProvider provider, String model) implements Vendor {

    @Override
    public StreamingChatModel chat(HttpClientBuilder http) {
        return new OllamaStreamingChatModelBuilder()
                .httpClientBuilder(http)
                .baseUrl(provider.baseUrl().toString())
                .modelName(model)
                .returnThinking(true)
                .build();
    }

    @Override
    public EmbeddingModel vectors(HttpClientBuilder http) {
        return new OllamaEmbeddingModelBuilder()
                .httpClientBuilder(http)
                .baseUrl(provider.baseUrl().toString())
                .modelName(model)
                .maxRetries(0)
                .build();
    }

    @Override
    public ChatRequestParameters parameters(GenerationRequest request) {
        Sampling sampling = request.sampling();
        new UnsupportedOptions(provider.kind())
                .ifSet("presencePenalty", sampling.presencePenalty(), 0.0)
                .ifSet("frequencyPenalty", sampling.frequencyPenalty(), 0.0)
                .refuse();
        return OllamaChatRequestParameters.builder()
                .temperature(sampling.temperature())
                .topP(sampling.topP())
                .topK(sampling.topK())
                .minP(sampling.minP())
                .seed(ChatRequests.seed(sampling, provider.kind()))
                .repeatPenalty(sampling.repetitionPenalty())
                .repeatLastN(
                        sampling.repetitionPenalty() == null
                                ? null
                                : -1) // consider all tokens, as the other providers do
                .think(request.thinking())
                .maxOutputTokens(request.maxTokens())
                .stopSequences(request.stop())
                .toolSpecifications(ChatRequests.tools(request, false))
                .responseFormat(ChatRequests.format(request, provider.kind()))
                .build();
    }
}
