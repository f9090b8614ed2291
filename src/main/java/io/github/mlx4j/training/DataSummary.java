package io.github.mlx4j.training;

import io.github.mlx4j.training.config.TrainingConfig;

/**
 * Statistics of a data file.
 *
 * @param sequences how many sequences it has
 * @param tokens how many tokens they have
 * @param cut how many sequences were truncated because they were longer than {@link TrainingConfig#maxLength()}
 * @param dropped how many lines were skipped because no trained token was left after truncation
 * @param trainedTokens how many tokens count in the loss
 */
public record DataSummary(long sequences, long tokens, long cut, long dropped, long trainedTokens) {}
