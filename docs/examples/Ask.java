///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//REPOS mavenlocal,mavencentral
//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;

/** A command that asks the model and streams the answer. */
public class Ask {

    public static void main(String[] args) {
        if (args.length == 0) {
            System.err.println("Usage: Ask.java QUESTION");
            System.exit(2);
        }
        GenerationRequest request = GenerationRequest.chat(String.join(" ", args));
        try (ProviderFactory providers = ProviderFactory.fromEnv();
                GenerationStream answer = providers.createTextGenerationAdapter().stream(request)) {
            for (GenerationEvent event : answer) {
                if (event instanceof GenerationEvent.Text piece) {
                    System.out.print(piece.text());
                    System.out.flush();
                }
            }
            System.out.println();
        } catch (Mlx4jException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }
}
