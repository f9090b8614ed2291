package io.github.mlx4j.bench;

import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.TrainingStep;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Some steps of training over token ids that mean nothing and are the same for every model, by its worker's clock. */
final class TrainingRound {

    static final int STEPS = 5;
    static final int SEQUENCES = 4;
    static final int LENGTH = 128;

    private static final int FIRST_ID = 3; // those before it often mean something
    private static final int IDS = 100; // every vocabulary has as many

    private TrainingRound() {}

    /** Tokens that counted, by the time of the steps; the first step, which compiles, is not one of them. */
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
