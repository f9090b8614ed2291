package io.github.mlx4j.provider;

import java.util.Locale;

/** What a model is used for: a host application may have a model of its own for each. */
public enum ModelRole {

    /** Decides where a request goes: short answers, wanted soon. */
    ROUTER,

    /** Splits tasks into parts, and finds tasks in documents. */
    DECOMPOSER,

    /** Makes tasks clearer. */
    ENHANCER,

    /** Asks questions about tasks. */
    TESTER,

    /** Scores documents for a query. It needs a model that was trained for it, and has no default. */
    RERANKER,

    /** Everything else. */
    GENERAL;

    /** The name in commands and files: {@code router}, … */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
