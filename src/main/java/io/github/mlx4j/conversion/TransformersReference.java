package io.github.mlx4j.conversion;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.protocol.Conversion;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.SerialWorker;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Computes the reference results of a conversion with transformers. The hf worker ends before the conversion begins, so
 * that two models are never in memory at the same time.
 *
 * @param launch starts the hf worker; throws an {@link Mlx4jException} if it can't run
 */
record TransformersReference(Supplier<WorkerLaunch> launch) {

    /**
     * Writes the file that the parameters name. Returns {@code null} if it was written, and otherwise the reason why it
     * could not be.
     */
    @Nullable
    String write(VerifyWith wish, Conversion.Params params, ConversionListener listener) {
        if (wish == VerifyWith.NONE) {
            return "it was not requested";
        }
        try {
            run(params, listener);
            return null;
        } catch (CancelledException cancelled) {
            throw cancelled;
        } catch (WorkerStartException | WorkerHungException | WorkerDiedException failure) {
            // not skipped: this says nothing about the source, which mlx may compute incorrectly
            throw notPossible(
                    failure, failure.hint() + " `--verify-with none` converts without comparing with transformers.");
        } catch (Mlx4jException failure) {
            if (wish == VerifyWith.HF) {
                throw notPossible(failure, failure.hint());
            }
            return failure.reason().lines().findFirst().orElse("");
        }
    }

    private static ConversionException notPossible(Mlx4jException failure, String hint) {
        return new ConversionException(
                "The comparison with transformers is not possible: " + failure.reason(), hint, failure);
    }

    private void run(Conversion.Params params, ConversionListener listener) {
        try (SerialWorker worker = SerialWorker.start(launch.get(), WorkerLimits.STANDARD)) {
            worker.load(
                    WorkerCall.of(Method.REFERENCE, params, Conversion.Reference.class),
                    told -> listener.onProgress(told.phase(), told.done(), told.total(), told.unit()));
        }
    }
}
