package io.github.mlx4j.bench;

import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.TrainingStep;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Measures some training steps on random token ids, which are the same for every model, by the worker's clock. */
final class TrainingRound {

    static final int STEPS = 5;
    static final int SEQUENCES = 4;
    static final int LENGTH = 128;

    private static final int FIRST_ID = 3; // lower ids are often special tokens
    private static final int IDS = 100; // every vocabulary has at least this many

    private TrainingRound() {}

    /**
     * Returns the number of tokens that count in the loss per second. The first step is not measured, because it
     * includes compilation.
     */
    static double speed(BenchmarkedModel.Training training) {
        int length = Math.min(LENGTH, training.maxLength());
        training.step(batch(0, length));
        List<TrainingStep> steps = IntStream.rangeClosed(1, STEPS)
                .mapToObj(number -> training.step(batch(number, length)))
                .toList();
        double millis = steps.stream().mapToDouble(TrainingStep::millis).sum();
        return 1000 * steps.stream().mapToLong(TrainingStep::tokens).sum() / millis;
    }

    private static Batch batch(int number, int length) {
        Random random = new Random(number);
        return Batch.of(IntStream.range(0, SEQUENCES)
                .mapToObj(row -> random.ints(length, FIRST_ID, IDS).boxed().toList())
                .toList());
    }
}
