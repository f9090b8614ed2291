package io.github.mlx4j;

import io.github.mlx4j.port.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One model of one provider: what a worker, or a client of a server, is made for.
 *
 * @param provider who has it
 * @param model its name there; a folder's is its absolute path, so that it is one and the same however it is written
 */
record NamedModel(ProviderKind provider, String model) {

    /** Takes a folder's absolute path. */
    NamedModel {
        boolean worker = provider == ProviderKind.MLX || provider == ProviderKind.HF;
        if (worker && Files.isDirectory(Path.of(model))) {
            model = Path.of(model).toAbsolutePath().normalize().toString();
        }
    }
}
