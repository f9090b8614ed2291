package io.github.mlx4j.model;

import io.github.mlx4j.port.ProviderKind;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The model types that a worker's library has an architecture for.
 *
 * @param library its name and version, such as {@code mlx-lm 0.32.2}
 * @param names the values of {@code model_type}
 */
record KnownModelTypes(String library, Set<String> names) {

    private static final KnownModelTypes MLX = read("mlx");
    private static final KnownModelTypes HF = read("hf");

    static KnownModelTypes of(ProviderKind worker) {
        return worker == ProviderKind.MLX ? MLX : HF;
    }

    private static KnownModelTypes read(String worker) {
        String name = "known-model-types-" + worker + ".txt";
        try (InputStream in = KnownModelTypes.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is not in the jar");
            }
            List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            String library = lines.get(0).substring("# ".length(), lines.get(0).indexOf(';'));
            return new KnownModelTypes(library, lines.stream().skip(1).collect(Collectors.toUnmodifiableSet()));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
