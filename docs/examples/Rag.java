//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT
//DEPS dev.langchain4j:langchain4j:1.19.0

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.rag.content.retriever.EmbeddingStoreContentRetriever;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import java.util.List;

/** Retrieval-augmented generation: adds the document that is most similar to the question. */
public class Rag {

    private static final List<TextSegment> DOCUMENTS = List.of(
            TextSegment.from("The lighthouse in Kiel Bay has had a bell since the great storm."),
            TextSegment.from("Pancakes are made of flour, milk and eggs."),
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

            Assistant assistant = AiServices.builder(Assistant.class)
                    .chatModel(Mlx4jChatModel.builder(providers.createTextGenerationAdapter())
                            .build())
                    .contentRetriever(EmbeddingStoreContentRetriever.builder()
                            .embeddingModel(embeddings)
                            .embeddingStore(store)
                            .maxResults(1)
                            .build())
                    .build();

            Result<String> result = assistant.answer("What are pancakes made of?");
            System.out.println("found: " + result.sources().get(0).textSegment().text());
            System.out.println(result.content());
        }
    }
}
