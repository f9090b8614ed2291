/**
 * Adapters from mlx4j's ports to LangChain4j's models: chat, streaming chat, embeddings, scoring, and token counts.
 * They need {@code dev.langchain4j:langchain4j-core} 1.18.0 or newer, which is not a dependency of mlx4j; asynchronous
 * calls need 1.20.0. Calls fail with LangChain4j's exceptions, whose cause is mlx4j's exception.
 */
@NullMarked
package io.github.mlx4j.langchain4j;

import org.jspecify.annotations.NullMarked;
