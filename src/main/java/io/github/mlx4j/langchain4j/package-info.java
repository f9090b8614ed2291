/**
 * The models of mlx4j as LangChain4j has them: chat, streaming chat, embeddings, and the count of tokens, over any
 * port. Needs {@code dev.langchain4j:langchain4j-core}, which mlx4j does not bring along. What LangChain4j throws is
 * its own; mlx4j's exception is the cause.
 */
@NullMarked
package io.github.mlx4j.langchain4j;

import org.jspecify.annotations.NullMarked;
