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
 * Has transformers compute what a conversion is compared with. Its worker has ended before the conversion begins, so
 * that two models are never in memory together.
 *
 * @param launch how the hf worker is started; throws an {@link Mlx4jException} where it can't run
 */
record TransformersReference(Supplier<WorkerLaunch> launch) {

    /** Writes the file that the params name; returns why that is not possible, or {@code null} once it is written. */
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
            // says nothing of the source, which may be one that mlx computes wrongly
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
