package io.github.mlx4j.compare;

import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;

/**
 * One of the two models of a comparison. All three ports belong to the same model.
 *
 * @param name the model's name in reports
 * @param text generates text with the model
 * @param tokenizer the model's tokenizer
 * @param analysis the model's logits and log-probabilities
 */
public record ComparedModel(
        String name, TextGenerationPort text, TokenizerPort tokenizer, ModelAnalysisPort analysis) {}
