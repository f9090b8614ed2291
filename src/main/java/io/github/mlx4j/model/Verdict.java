package io.github.mlx4j.model;

import io.github.mlx4j.port.ProviderKind;

/**
 * Whether a worker would load a folder.
 *
 * @param provider the worker
 * @param loads whether it would
 * @param reason why, or why not
 * @param fix what to do if it would not; else empty
 */
public record Verdict(ProviderKind provider, boolean loads, String reason, String fix) {}
