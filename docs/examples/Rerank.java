//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.port.RerankResult;
import java.util.List;

/** Sorts documents by relevance to a question. Set MLX_MODEL_RERANKER to a model such as Qwen/Qwen3-Reranker-0.6B. */
public class Rerank {

    private static final List<String> DOCUMENTS = List.of(
            "The lighthouse in Kiel Bay has had a bell since the great storm.",
            "Pancakes are made of flour, milk and eggs.",
            "The office in Oslo is open from nine to four.");

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            RerankResult result =
                    providers.createRerankAdapter().rerank("What are pancakes made of?", DOCUMENTS);
            for (RerankResult.Ranked one : result.ranked()) {
                System.out.println(one.score() + " " + DOCUMENTS.get(one.index()));
            }
        }
    }
}
