//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT
//DEPS dev.langchain4j:langchain4j:1.19.0

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.langchain4j.rag.DefaultRetrievalAugmentor;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.ContentMetadata;
import dev.langchain4j.rag.content.aggregator.ReRankingContentAggregator;
import dev.langchain4j.rag.content.retriever.EmbeddingStoreContentRetriever;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import io.github.mlx4j.langchain4j.Mlx4jScoringModel;
import java.util.List;

/**
 * Retrieval-augmented generation with a reranker: a vector search finds candidates, the reranker keeps the most relevant
 * ones, and the language model answers. Set MLX_MODEL_RERANKER to a model such as Qwen/Qwen3-Reranker-0.6B.
 */
public class RerankedRag {

    private static final List<TextSegment> DOCUMENTS = List.of(
            TextSegment.from("The lighthouse in Kiel Bay has had a bell since the great storm."),
            TextSegment.from("Pancakes are made of flour, milk and eggs."),
            TextSegment.from("Pancakes are best when they are hot."),
            TextSegment.from("The office in Oslo is open from nine to four."));

    interface Assistant {
        Result<String> answer(String question);
    }

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            EmbeddingModel embeddings =
                    Mlx4jEmbeddingModel.builder(providers.createEmbeddingAdapter()).build();
            InMemoryEmbeddingStore<TextSegment> store = new InMemoryEmbeddingStore<>();
            store.addAll(embeddings.embedAll(DOCUMENTS).content(), DOCUMENTS);

            ScoringModel reranker = Mlx4jScoringModel.builder(providers.createRerankAdapter())
                    .truncate(true) // truncate segments that are too long instead of failing
                    .build();
            Assistant assistant = AiServices.builder(Assistant.class)
                    .chatModel(Mlx4jChatModel.builder(providers.createTextGenerationAdapter())
                            .build())
                    .retrievalAugmentor(DefaultRetrievalAugmentor.builder()
                            .contentRetriever(EmbeddingStoreContentRetriever.builder()
                                    .embeddingModel(embeddings)
                                    .embeddingStore(store)
                                    .maxResults(4)
                                    .build())
                            .contentAggregator(ReRankingContentAggregator.builder()
                                    .scoringModel(reranker)
                                    .maxResults(2)
                                    .build())
                            .build())
                    .build();

            Result<String> result = assistant.answer("What are pancakes made of?");
            for (Content source : result.sources()) {
                System.out.println(source.metadata().get(ContentMetadata.RERANKED_SCORE) + " "
                        + source.textSegment().text());
            }
            System.out.println(result.content());
        }
    }
}
