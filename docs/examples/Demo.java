//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.Locale;

/** Streams an answer of the configured model, and prints a line of statistics. */
public class Demo {

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            providers.warmUp(); // starts the worker and loads the model, so that the statistics don't include this
            long asked = System.nanoTime();
            double firstTokenMs = 0;
            try (GenerationStream stream = llm.stream(GenerationRequest.chat(args[0]))) {
                for (GenerationEvent event : stream) {
                    if (event instanceof GenerationEvent.Text piece) {
                        firstTokenMs = firstTokenMs > 0 ? firstTokenMs : (System.nanoTime() - asked) / 1e6;
                        System.out.print(piece.text());
                        System.out.flush();
                    }
                }
                System.out.println();
                System.out.println(figures(stream.result(), firstTokenMs));
            }
        }
    }

    private static String figures(GenerationResult result, double firstTokenMs) {
        int tokens = result.usage().completionTokens();
        double decodeSeconds = result.timings().decode().toNanos() / 1e9;
        return String.format(
                Locale.ROOT,
                "backend: %s (%s) | %d tokens | first token after %.0f ms | %.0f tokens/s",
                result.backend().provider().id(),
                result.backend().device(),
                tokens,
                firstTokenMs,
                (tokens - 1) / decodeSeconds);
    }
}
