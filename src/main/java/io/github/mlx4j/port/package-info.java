/** The interfaces that a host application programs against: text, embeddings, tokens, analysis and reranking. */
@NullMarked
package io.github.mlx4j.port;

import org.jspecify.annotations.NullMarked;
