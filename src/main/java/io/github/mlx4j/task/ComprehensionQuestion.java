package io.github.mlx4j.task;

/**
 * A question that shows whether somebody has understood a task.
 *
 * @param question the question
 * @param answer its right answer
 */
public record ComprehensionQuestion(String question, String answer) {}
