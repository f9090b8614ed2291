package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code fetchModel}, {@code modelInfo} and {@code removeModel}.
 *
 * @param source a hub id {@code org/name}
 * @param revision a branch, tag or commit, or {@code null} for the main branch; not of {@code removeModel}
 * @param hubToken the user's token, or {@code null}; not of {@code removeModel}
 * @param stallSeconds of {@code fetchModel}: without a byte, after which it is given up, or {@code null} for its
 *     default
 * @param roomBytes of {@code fetchModel}: how many bytes of weights can be loaded, or {@code null} for any number
 */
public record HubModelParams(
        String source,
        @Nullable String revision,
        @Nullable HubToken hubToken,
        @Nullable Double stallSeconds,
        @Nullable Long roomBytes) {

    /** Without a limit of its weights. */
    public HubModelParams(
            String source, @Nullable String revision, @Nullable HubToken hubToken, @Nullable Double stallSeconds) {
        this(source, revision, hubToken, stallSeconds, null);
    }
}
