/** The interfaces that applications use: text, embeddings, tokens, analysis and reranking. */
@NullMarked
package io.github.mlx4j.port;

import org.jspecify.annotations.NullMarked;
