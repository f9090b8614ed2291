package io.github.mlx4j.compare;

import java.util.ArrayList;
import java.util.List;

/** Compares the logits of two models for the same tokens, position by position. */
final class LogitComparison {

    private LogitComparison() {}

    /**
     * Compares logits. Both lists have the same number of positions, at least one; if the vocabulary sizes differ, only
     * the common part is compared.
     */
    static Verification.Logits of(List<float[]> a, List<float[]> b) {
        double most = 0;
        int mostAt = 0;
        double sum = 0;
        long finite = 0;
        long notFinite = 0;
        double lowest = Double.POSITIVE_INFINITY;
        double highest = Double.NEGATIVE_INFINITY;
        int vocabulary = Integer.MAX_VALUE;
        List<Integer> argmaxDiffersAt = new ArrayList<>();
        for (int at = 0; at < a.size(); at++) {
            float[] one = a.get(at);
            float[] other = b.get(at);
            int common = Math.min(one.length, other.length);
            vocabulary = Math.min(vocabulary, common);
            for (int token = 0; token < common; token++) {
                double difference = Math.abs((double) one[token] - other[token]);
                if (!Float.isFinite(one[token]) || !Float.isFinite(other[token])) {
                    notFinite++;
                    continue;
                }
                lowest = Math.min(lowest, one[token]);
                highest = Math.max(highest, one[token]);
                sum += difference;
                finite++;
                if (difference > most) {
                    most = difference;
                    mostAt = at;
                }
            }
            if (argmax(one, common) != argmax(other, common)) {
                argmaxDiffersAt.add(at);
            }
        }
        double mean = finite == 0 ? 0 : sum / finite;
        double range = finite == 0 ? 0 : highest - lowest;
        return new Verification.Logits(a.size(), vocabulary, most, mostAt, mean, range, notFinite, argmaxDiffersAt);
    }

    /** Returns by how much the largest logit exceeds the second largest. */
    static double margin(float[] logits) {
        int best = argmax(logits, logits.length);
        double next = Double.NEGATIVE_INFINITY;
        for (int token = 0; token < logits.length; token++) {
            if (token != best) {
                next = Math.max(next, logits[token]);
            }
        }
        return logits[best] - next;
    }

    /** Returns the index of the largest of the first {@code size} logits; of several, the first. */
    private static int argmax(float[] logits, int size) {
        int best = 0;
        for (int token = 1; token < size; token++) {
            if (logits[token] > logits[best]) {
                best = token;
            }
        }
        return best;
    }
}
