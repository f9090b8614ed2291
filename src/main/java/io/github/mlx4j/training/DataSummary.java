package io.github.mlx4j.training;

import io.github.mlx4j.training.config.TrainingConfig;

/**
 * What a file of data has.
 *
 * @param sequences how many sequences
 * @param tokens how many tokens they have
 * @param cut how many were longer than {@link TrainingConfig#maxLength()} and are cut
 * @param dropped how many lines had nothing left to learn after that, and are left out
 * @param trainedTokens how many tokens count in the loss
 */
public record DataSummary(long sequences, long tokens, long cut, long dropped, long trainedTokens) {}
