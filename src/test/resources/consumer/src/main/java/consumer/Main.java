package consumer;

import io.github.mlx4j.ProviderFactory;

/** Asks what it is told to, and prints the answer. */
public class Main {

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            System.out.println(
                    providers.createTextGenerationAdapter().generate(args[0]).text());
        }
    }
}
