package io.github.mlx4j.internal.protocol;

import org.jspecify.annotations.Nullable;

/**
 * Params of {@code initialize}: what to load.
 *
 * @param protocol the version that Java speaks
 * @param model the model
 * @param download whether a model of the hub that isn't in its cache may be downloaded
 */
public record InitializeParams(ProtocolVersion protocol, ModelParams model, boolean download) {

    /**
     * A model.
     *
     * @param source a folder, or a hub id {@code org/name}
     * @param revision a branch, tag or commit of the hub, or {@code null} for the main branch
     */
    public record ModelParams(String source, @Nullable String revision) {}

    /** For a model, with the current protocol version. */
    public static InitializeParams of(String source, boolean download) {
        return new InitializeParams(ProtocolVersion.CURRENT, new ModelParams(source, null), download);
    }
}
