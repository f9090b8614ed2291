package io.github.mlx4j.port;

/** What an action head tells apart. */
public enum Action {
    ADD,
    UPDATE,
    DELETE,
    RETRIEVE,
    SUMMARY,
    FILTER
}
