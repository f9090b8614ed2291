package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.port.Action;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** {@code logits}, {@code parameters} and {@code classifyActions}. */
public final class Analysis {

    private Analysis() {}

    /** The logits after each of these tokens: {@code positionLogits} for each come before the result. */
    public static WorkerCall<Logits> logits(List<Integer> tokens) {
        return WorkerCall.of(Method.LOGITS, Map.of("tokens", tokens), Logits.class);
    }

    /** The model's parameters. */
    public static WorkerCall<List<Parameter>> parameters() {
        return WorkerCall.of(Method.PARAMETERS, Parameters.class).map(Parameters::parameters);
    }

    /** The action head's logits for a text. */
    public static WorkerCall<Map<Action, Double>> actions(String text) {
        return WorkerCall.of(Method.CLASSIFY_ACTIONS, Map.of("texts", List.of(text)), Actions.class)
                .map(Actions::ofOneText);
    }

    /**
     * The notification {@code positionLogits}: the logits of the token that comes after one token.
     *
     * @param index which token, from 0
     * @param values little-endian 32-bit floats, one for each token of the vocabulary; base64 on the wire
     */
    public record PositionLogits(int index, byte[] values) {}

    /**
     * The result of {@code logits}.
     *
     * @param count how many positions came before
     * @param vocabularySize how many logits each has
     */
    public record Logits(int count, int vocabularySize) {}

    record Parameters(@Required List<Parameter> parameters) {}

    /**
     * The result of {@code classifyActions}.
     *
     * @param actions the actions, in the order of the logits
     * @param logits for each text, a logit for each action
     */
    record Actions(@Required List<String> actions, @Required List<List<Double>> logits) {

        Map<Action, Double> ofOneText() {
            if (logits.size() != 1 || logits.get(0).size() != actions.size()) {
                throw new IllegalArgumentException("the logits of one text and %d actions are %s"
                        .formatted(
                                actions.size(), logits.stream().map(List::size).toList()));
            }
            Map<Action, Double> found = new EnumMap<>(Action.class);
            for (int i = 0; i < actions.size(); i++) {
                found.put(Action.valueOf(actions.get(i)), logits.get(0).get(i));
            }
            if (found.size() != Action.values().length) {
                throw new IllegalArgumentException("there are logits of %s only".formatted(found.keySet()));
            }
            return Collections.unmodifiableMap(found);
        }
    }
}
