package io.github.mlx4j.task;

/**
 * A question that tests whether a person or a model has understood a task.
 *
 * @param question the question
 * @param answer the correct answer
 */
public record ComprehensionQuestion(String question, String answer) {}
