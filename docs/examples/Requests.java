//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;

/** A request with a system message, sampling parameters, a limit and a response format. Values are validated when it is sent. */
public class Requests {

    public static void main(String[] args) {
        GenerationRequest request = GenerationRequest.builder()
                .system("You answer in one word.")
                .user("Is the sky blue?")
                .responseFormat(ResponseFormat.choice("yes", "no"))
                .temperature(0.7)
                .topP(0.9)
                .seed(7)
                .maxTokens(20)
                .build();
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            GenerationResult result = llm.generate(request);
            System.out.println(result.text() + " (" + result.finishReason() + ")");

            GenerationRequest again = request.toBuilder().seed(8).build(); // a copy with one value changed
            System.out.println(llm.generate(again).text());
        }
    }
}
