package io.github.mlx4j.compare;

import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;

/**
 * One of two models that are compared. All three ports are of the same model.
 *
 * @param name what a report calls it
 * @param text its answers
 * @param tokenizer its tokens
 * @param analysis its logits and log-probabilities
 */
public record ComparedModel(
        String name, TextGenerationPort text, TokenizerPort tokenizer, ModelAnalysisPort analysis) {}
