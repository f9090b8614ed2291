package io.github.mlx4j;

import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;

/**
 * One model of one provider: what a worker, or a client of a server, is made for.
 *
 * @param provider who has it
 * @param model its name there; a folder's is its absolute path without links, so that every way to write it is the same
 */
record NamedModel(ProviderKind provider, String model) {

    /** Resolves the path of a folder. */
    NamedModel {
        boolean worker = provider == ProviderKind.MLX || provider == ProviderKind.HF;
        if (worker && Files.isDirectory(UserPath.of(model))) {
            model = FileTree.real(UserPath.of(model)).toString();
        }
    }
}
