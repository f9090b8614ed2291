package io.github.mlx4j.training;

import io.github.mlx4j.error.LoadAttempt;
import io.github.mlx4j.internal.json.TrainingJson;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What became of a run: {@code report.json} in its folder.
 *
 * @param outcome how it ended
 * @param error why, where it failed; {@code null} if it didn't
 * @param model the model
 * @param method what was trained
 * @param backend the engine: {@code mlx} or {@code hf}
 * @param device where it ran
 * @param attempts what became of each backend that was tried, in order
 * @param parameters how many parameters the model has
 * @param trainableParameters how many were trained
 * @param steps how many steps are done
 * @param totalSteps how many it was to have
 * @param tokens how many tokens counted in the loss of all steps
 * @param seconds how long all steps took
 * @param tokensPerSecond both divided
 * @param peakBytes the most memory that the engine had in use; {@code null} if it is not known
 * @param firstLoss of the first step; {@code null} if there was none
 * @param lastLoss of the last step
 * @param validations every validation, in order
 * @param checkpoint the newest checkpoint; {@code null} if there is none
 * @param result the trained adapter, or with {@code FULL} the model; {@code null} if the run did not come to its end
 * @param resultStep of which step the result is; {@code null} without one
 * @param warnings what a user should know
 * @param packages versions of the engine's packages
 */
public record TrainingReport(
        Outcome outcome,
        @Nullable String error,
        String model,
        TrainingMethod method,
        String backend,
        String device,
        List<LoadAttempt> attempts,
        long parameters,
        long trainableParameters,
        int steps,
        int totalSteps,
        long tokens,
        double seconds,
        double tokensPerSecond,
        @Nullable Long peakBytes,
        @Nullable Double firstLoss,
        @Nullable Double lastLoss,
        List<Point> validations,
        @Nullable Path checkpoint,
        @Nullable Path result,
        @Nullable Integer resultStep,
        List<String> warnings,
        Map<String, String> packages) {

    /** How a run ended. */
    public enum Outcome {
        /** All steps are done. */
        COMPLETED,
        /** The validation loss did not get better any more. */
        STOPPED_EARLY,
        /** It was cancelled; it can be resumed. */
        CANCELLED,
        /** Something went wrong; it can be resumed. */
        FAILED
    }

    /**
     * A validation.
     *
     * @param step after how many steps
     * @param loss its loss
     * @param perplexity e to the power of the loss
     */
    public record Point(int step, double loss, double perplexity) {}

    /** Takes immutable copies. */
    public TrainingReport {
        attempts = List.copyOf(attempts);
        validations = List.copyOf(validations);
        warnings = List.copyOf(warnings);
        packages = Map.copyOf(packages);
    }

    /** How it ended, in a sentence. */
    public String verdict() {
        return TrainingPages.verdict(this);
    }

    /** The same in JSON. */
    public String toJson() {
        return TrainingJson.PAGE.valueToTree(this).toPrettyString();
    }

    static TrainingReport of(
            Outcome outcome,
            @Nullable String error,
            TrainingRun run,
            TrainingInfo info,
            List<String> warnings,
            RunHistory history,
            int step,
            int totalSteps,
            @Nullable Path checkpoint,
            @Nullable Path result,
            @Nullable Integer resultStep) {
        List<TrainingStep> steps = history.steps();
        Long peak = Stream.concat(Stream.of(info.memory()), steps.stream().map(TrainingStep::memory))
                .map(memory -> memory == null ? null : memory.peakBytes())
                .filter(bytes -> bytes != null)
                .max(Long::compare)
                .orElse(null);
        double seconds = history.seconds();
        return new TrainingReport(
                outcome,
                error,
                run.model(),
                info.method(),
                info.backend().provider().id(),
                info.backend().device(),
                info.attempts(),
                info.parameters(),
                info.trainableParameters(),
                step,
                totalSteps,
                history.tokens(),
                seconds,
                seconds > 0 ? history.tokens() / seconds : 0,
                peak,
                steps.isEmpty() ? null : steps.get(0).loss(),
                steps.isEmpty() ? null : steps.get(steps.size() - 1).loss(),
                history.validations().stream()
                        .map(done -> new Point(
                                done.step(), done.result().loss(), done.result().perplexity()))
                        .toList(),
                checkpoint,
                result,
                resultStep,
                warnings,
                info.packages());
    }
}
