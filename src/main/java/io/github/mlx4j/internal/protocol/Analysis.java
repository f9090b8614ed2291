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

    /**
     * Returns a call for the logits after each of these tokens. A {@code positionLogits} notification for each token
     * precedes the result.
     */
    public static WorkerCall<Logits> logits(List<Integer> tokens) {
        return WorkerCall.of(Method.LOGITS, Map.of("tokens", tokens), Logits.class);
    }

    /** Returns a call for the model's parameters. */
    public static WorkerCall<List<Parameter>> parameters() {
        return WorkerCall.of(Method.PARAMETERS, Parameters.class).map(Parameters::parameters);
    }

    /** Returns a call for the action head's logits for a text. */
    public static WorkerCall<Map<Action, Double>> actions(String text) {
        return WorkerCall.of(Method.CLASSIFY_ACTIONS, Map.of("texts", List.of(text)), Actions.class)
                .map(Actions::ofOneText);
    }

    /**
     * The notification {@code positionLogits}: the logits for the position after one token.
     *
     * @param index the index of the token, from 0
     * @param values little-endian 32-bit floats, one for each token of the vocabulary; base64 on the wire
     */
    public record PositionLogits(int index, byte[] values) {}

    /**
     * The result of {@code logits}.
     *
     * @param count the number of preceding notifications
     * @param vocabularySize the number of logits in each
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
                throw new IllegalArgumentException("expected logits for one text and %d actions, but received %s"
                        .formatted(
                                actions.size(), logits.stream().map(List::size).toList()));
            }
            Map<Action, Double> found = new EnumMap<>(Action.class);
            for (int i = 0; i < actions.size(); i++) {
                found.put(Action.valueOf(actions.get(i)), logits.get(0).get(i));
            }
            if (found.size() != Action.values().length) {
                throw new IllegalArgumentException("there are logits only for %s".formatted(found.keySet()));
            }
            return Collections.unmodifiableMap(found);
        }
    }
}
