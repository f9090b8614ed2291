package io.github.mlx4j.port;

/** The classes of an action head. */
public enum Action {
    ADD,
    UPDATE,
    DELETE,
    RETRIEVE,
    SUMMARY,
    FILTER
}
