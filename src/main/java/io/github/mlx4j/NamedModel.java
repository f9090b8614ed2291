package io.github.mlx4j;

import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;

/**
 * A model of a provider. Each worker, and each client of a server, serves one such model.
 *
 * @param provider the provider of the model
 * @param model the model's name at the provider. For a folder it is the absolute path with symbolic links resolved, so
 *     that different spellings of the path are equal
 */
record NamedModel(ProviderKind provider, String model) {

    /** Resolves the path if the model is a folder. */
    NamedModel {
        boolean worker = provider == ProviderKind.MLX || provider == ProviderKind.HF;
        if (worker && Files.isDirectory(UserPath.of(model))) {
            model = FileTree.real(UserPath.of(model)).toString();
        }
    }
}
