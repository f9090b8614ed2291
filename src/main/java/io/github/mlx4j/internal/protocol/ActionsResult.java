package io.github.mlx4j.internal.protocol;

import java.util.List;
import java.util.Objects;

/**
 * Result of {@code classifyActions}.
 *
 * @param actions the actions, in the order of the logits
 * @param logits for each text, a logit for each action
 */
public record ActionsResult(List<String> actions, List<List<Double>> logits) {
    /** Takes immutable copies; each text must have a logit for each action. */
    public ActionsResult {
        actions = List.copyOf(Objects.requireNonNull(actions, "there are no actions"));
        logits = Objects.requireNonNull(logits, "there are no logits").stream()
                .map(List::copyOf)
                .toList();
        for (List<Double> one : logits) {
            if (one.size() != actions.size()) {
                throw new IllegalArgumentException("%d actions have %d logits".formatted(actions.size(), one.size()));
            }
        }
    }
}
