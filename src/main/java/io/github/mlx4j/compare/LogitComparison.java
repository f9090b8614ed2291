package io.github.mlx4j.compare;

import java.util.ArrayList;
import java.util.List;

/** Compares logits of the same tokens, place by place. */
final class LogitComparison {

    private LogitComparison() {}

    /** Both have the same number of places, one at least; of vocabularies of two sizes the common part counts. */
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

    /** By how much the largest leads the next one. */
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

    /** The first of the largest among the first so many. */
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
