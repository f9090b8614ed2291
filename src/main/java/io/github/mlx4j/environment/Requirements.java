package io.github.mlx4j.environment;

import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The requirements of a worker kind for its interpreter.
 *
 * @param modules the modules that must be importable
 * @param distribution the package whose version matters
 * @param oldest the oldest supported version: major, minor, patch
 */
record Requirements(List<String> modules, String distribution, List<Integer> oldest) {

    private static final Requirements MLX =
            new Requirements(List.of("mlx.core", "mlx_lm"), "mlx-lm", List.of(0, 32, 2));
    private static final Requirements HF =
            new Requirements(List.of("torch", "transformers"), "transformers", List.of(5, 0, 0));

    static Requirements of(ProviderKind kind) {
        return switch (kind) {
            case MLX -> MLX;
            case HF -> HF;
            case OLLAMA, OPENAI, ANTHROPIC -> throw new IllegalArgumentException(kind + " has no worker");
        };
    }

    String name() {
        return distribution;
    }

    /** Returns the version argument for {@code verify_install.py}: {@code name=1.2.3}. */
    String argument() {
        return distribution + "=" + oldest.stream().map(String::valueOf).collect(Collectors.joining("."));
    }

    /** Returns an explanation if the version is too old. */
    Optional<String> tooOld(Map<String, String> versions) {
        String version = versions.getOrDefault(distribution, "0");
        String[] parts = version.split("[^0-9]+");
        for (int i = 0; i < oldest.size(); i++) {
            int part = i < parts.length && !parts[i].isEmpty() ? Integer.parseInt(parts[i]) : 0;
            if (part != oldest.get(i)) {
                return part > oldest.get(i) ? Optional.empty() : Optional.of(sentence(version));
            }
        }
        return Optional.empty();
    }

    private String sentence(String version) {
        return "%s %s, but the worker needs %d.%d.%d or newer"
                .formatted(distribution, version, oldest.get(0), oldest.get(1), oldest.get(2));
    }
}
