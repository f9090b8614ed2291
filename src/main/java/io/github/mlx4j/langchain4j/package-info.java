/**
 * The models of mlx4j as LangChain4j's: chat, streaming chat, embeddings, scoring, and token counts, over any port.
 * Needs {@code dev.langchain4j:langchain4j-core}, 1.18.0 or newer, which mlx4j does not bring along; asynchronous calls
 * need 1.20.0. Calls fail with LangChain4j's exceptions, whose cause is mlx4j's.
 */
@NullMarked
package io.github.mlx4j.langchain4j;

import org.jspecify.annotations.NullMarked;
