package io.github.mlx4j.provider;

/**
 * Who gave an answer.
 *
 * @param provider the provider
 * @param model the model's folder or name
 * @param device where it ran: {@code gpu}, {@code cpu}, {@code mps}, {@code cuda}, {@code remote}
 */
public record Backend(ProviderKind provider, String model, String device) {}
