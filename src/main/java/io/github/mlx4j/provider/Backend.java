package io.github.mlx4j.provider;

/**
 * The backend that generated an answer.
 *
 * @param provider the provider
 * @param model the model's folder or name
 * @param device the device that it ran on: {@code gpu}, {@code cpu}, {@code mps}, {@code cuda}, {@code remote}
 */
public record Backend(ProviderKind provider, String model, String device) {}
