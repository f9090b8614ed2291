package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The result of {@code initialize}, {@code openTraining}, {@code inspect}, {@code convert} and {@code fuse} where a
 * model has to be downloaded first, and the worker has no network to do so.
 *
 * @param source its hub id
 * @param revision a branch, tag or commit, or {@code null} for the main branch
 * @param roomBytes how many bytes of weights can be loaded, or {@code null} if that is not known
 */
public record MissingModel(
        String source, @Nullable String revision, @Nullable Long roomBytes) {

    /** What a result says is missing, if anything is. */
    public static Optional<MissingModel> in(JsonNode result) {
        JsonNode download = result.path("download");
        return download.isObject() ? Optional.of(Codec.read(download, MissingModel.class)) : Optional.empty();
    }
}
