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
 * The result of a run, as in {@code report.json} in its folder.
 *
 * @param outcome how the run ended
 * @param error why the run failed; {@code null} if it didn't
 * @param model the model
 * @param method what was trained
 * @param backend the engine: {@code mlx} or {@code hf}
 * @param device the device it ran on
 * @param attempts the result of each backend that was tried, in order
 * @param parameters how many parameters the model has
 * @param trainableParameters how many parameters were trained
 * @param steps how many steps were completed
 * @param totalSteps how many steps were planned
 * @param tokens how many tokens counted in the loss, over all steps
 * @param seconds total duration of all steps
 * @param tokensPerSecond {@code tokens} divided by {@code seconds}
 * @param peakBytes the engine's peak memory; {@code null} if unknown
 * @param firstLoss the loss of the first step; {@code null} if there was none
 * @param lastLoss the loss of the last step; {@code null} if there was none
 * @param validations every validation, in order
 * @param checkpoint the newest checkpoint; {@code null} if there is none
 * @param result the trained adapter, or with {@code FULL} the model; {@code null} if the run did not finish
 * @param resultStep the step that the result comes from; {@code null} if there is no result
 * @param warnings warnings for the user
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
        /** All steps were completed. */
        COMPLETED,
        /** The validation loss stopped improving. */
        STOPPED_EARLY,
        /** The run was cancelled; it can be resumed. */
        CANCELLED,
        /** The run failed; it can be resumed. */
        FAILED
    }

    /**
     * A validation.
     *
     * @param step the number of steps completed before it
     * @param loss the validation loss
     * @param perplexity e to the power of the loss
     */
    public record Point(int step, double loss, double perplexity) {}

    /** Copies the collections. */
    public TrainingReport {
        attempts = List.copyOf(attempts);
        validations = List.copyOf(validations);
        warnings = List.copyOf(warnings);
        packages = Map.copyOf(packages);
    }

    /** Returns a one-sentence summary of how the run ended. */
    public String verdict() {
        return TrainingPages.verdict(this);
    }

    /** Returns the report as JSON. */
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
