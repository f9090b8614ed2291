/** Commands that use a model: text, embeddings, reranking, tokens and tasks. */
@NullMarked
package io.github.mlx4j.cli.generate;

import org.jspecify.annotations.NullMarked;
