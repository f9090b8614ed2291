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
 */
public record HubModelParams(
        String source,
        @Nullable String revision,
        @Nullable HubToken hubToken,
        @Nullable Double stallSeconds) {}
