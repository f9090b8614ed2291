package io.github.mlx4j.provider;

import java.util.Locale;

/** The purpose of a model; an application can use a different model for each role. */
public enum ModelRole {

    /** Routes requests: short answers with low latency. */
    ROUTER,

    /** Splits tasks into subtasks, and extracts tasks from documents. */
    DECOMPOSER,

    /** Rewrites tasks more clearly. */
    ENHANCER,

    /** Asks questions about tasks. */
    TESTER,

    /** Scores documents against a query. Requires a reranking model and has no default. */
    RERANKER,

    /** Everything else. */
    GENERAL;

    /** The name in commands and files: {@code router}, … */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
