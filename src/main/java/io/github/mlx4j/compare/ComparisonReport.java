package io.github.mlx4j.compare;

import io.github.mlx4j.report.Interval;
import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The result of a comparison.
 *
 * @param settings the settings of the comparison
 * @param notRun how many tasks were skipped because they are Python code, which was not allowed
 * @param base the base model's figures
 * @param trained the trained model's figures
 * @param outcomes the judged tasks, by which models pass them
 * @param verdict the outcomes in a sentence
 * @param changed the judged tasks that only one model passes, and the other tasks on which the answers differ
 * @param notes notes that are needed to interpret the figures
 */
public record ComparisonReport(
        ComparisonConfig settings,
        int notRun,
        Figures base,
        Figures trained,
        Outcomes outcomes,
        String verdict,
        List<Changed> changed,
        List<String> notes) {

    /** Copies the lists. */
    public ComparisonReport {
        changed = List.copyOf(changed);
        notes = List.copyOf(notes);
    }

    /**
     * The figures of one model. All intervals are 95% intervals.
     *
     * @param tasks how many tasks the model was given, including those it could not process
     * @param judged how many of them are judged
     * @param passed how many of the judged tasks it passes
     * @param passRate the share of judged tasks that it passes, 0 to 1, with Wilson's interval; {@code null} if none is
     *     judged
     * @param perplexity the perplexity of the expected texts that both models have scored, with an interval
     *     bootstrapped over tasks; {@code null} if there are none
     * @param scoredTokens the number of tokens of those texts
     * @param tokensPerSecond the median over tasks, measured from the first token on, with a bootstrapped interval;
     *     {@code null} if no answer has at least two tokens
     * @param firstTokenSeconds the median time to the first token over tasks; {@code null} if there are no answers
     * @param cut how many answers were truncated by the token limit or the context
     * @param errors for how many tasks the model could not process the prompt or the expected text
     */
    public record Figures(
            int tasks,
            int judged,
            int passed,
            @Nullable Interval passRate,
            @Nullable Interval perplexity,
            int scoredTokens,
            @Nullable Interval tokensPerSecond,
            @Nullable Double firstTokenSeconds,
            int cut,
            int errors) {}

    /**
     * The judged tasks, by which models pass them.
     *
     * @param both the number of tasks that both models pass
     * @param wins the number of tasks that only the trained model passes
     * @param losses the number of tasks that only the base model passes
     * @param neither the number of tasks that no model passes
     * @param signTest the p-value of a two-sided sign test of wins against losses, 0 to 1
     */
    public record Outcomes(int both, int wins, int losses, int neither, double signTest) {}

    /**
     * A task whose outcome changed.
     *
     * @param task the task's id
     * @param prompt the prompt in readable form
     * @param expected the expected answer; {@code null} if the task has none
     * @param base the base model's result
     * @param trained the trained model's result
     */
    public record Changed(
            String task, String prompt, @Nullable String expected, TaskResult base, TaskResult trained) {}

    /** Returns the part of {@link #markdown()} that comes before the changed tasks and their answers. */
    public String summary() {
        return ComparisonPages.summary(this);
    }

    /** Returns the report as Markdown. */
    public String markdown() {
        return ComparisonPages.markdown(this);
    }

    /** Creates the report. Both lists of results are in the order of the tasks. */
    static ComparisonReport of(
            ComparisonConfig settings,
            List<EvaluationTask> tasks,
            int notRun,
            List<TaskResult> base,
            List<TaskResult> trained) {
        List<Integer> scored = IntStream.range(0, tasks.size())
                .filter(i -> base.get(i).logProb() != null && trained.get(i).logProb() != null)
                .boxed()
                .toList();
        Outcomes outcomes = outcomes(base, trained);
        return new ComparisonReport(
                settings,
                notRun,
                figures(base, scored.stream().map(base::get).toList()),
                figures(trained, scored.stream().map(trained::get).toList()),
                outcomes,
                verdict(outcomes),
                IntStream.range(0, tasks.size())
                        .filter(i -> changed(base.get(i), trained.get(i)))
                        .mapToObj(i -> new Changed(
                                tasks.get(i).id(),
                                Prompts.show(tasks.get(i).prompt()),
                                tasks.get(i).expected(),
                                base.get(i),
                                trained.get(i)))
                        .toList(),
                notes(tasks, notRun, base, trained, scored));
    }

    private static Figures figures(List<TaskResult> results, List<TaskResult> scored) {
        int judged = (int) results.stream().filter(one -> one.passed() != null).count();
        int passed = (int) results.stream().filter(ComparisonReport::passes).count();
        double[] speeds = values(results, TaskResult::tokensPerSecond);
        double[] waits = values(results, one -> one.answer() == null ? null : one.firstTokenSeconds());
        return new Figures(
                results.size(),
                judged,
                passed,
                judged == 0 ? null : Statistics.wilson(passed, judged),
                perplexity(scored),
                tokens(scored),
                speeds.length == 0 ? null : Statistics.median95(speeds),
                waits.length == 0 ? null : Statistics.median(waits),
                (int) results.stream().filter(TaskResult::cut).count(),
                (int) results.stream().filter(one -> one.error() != null).count());
    }

    /** Returns exp(−Σ logProb / Σ tokens), with an interval bootstrapped over tasks. */
    private static @Nullable Interval perplexity(List<TaskResult> scored) {
        if (tokens(scored) == 0) {
            return null;
        }
        double[] logProbs = values(scored, TaskResult::logProb);
        double[] tokens = values(scored, one -> one.scoredTokens() == null ? null : (double) one.scoredTokens());
        double[] all = IntStream.range(0, tokens.length).asDoubleStream().toArray();
        return Statistics.bootstrap(all, picks -> {
            double sum = 0;
            double count = 0;
            for (double pick : picks) {
                sum += logProbs[(int) pick];
                count += tokens[(int) pick];
            }
            return Math.exp(-sum / count);
        });
    }

    private static int tokens(List<TaskResult> scored) {
        return scored.stream()
                .map(TaskResult::scoredTokens)
                .filter(Objects::nonNull)
                .mapToInt(Integer::intValue)
                .sum();
    }

    private static double[] values(List<TaskResult> results, Function<TaskResult, @Nullable Double> value) {
        return results.stream()
                .map(value)
                .filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue)
                .toArray();
    }

    private static boolean passes(TaskResult result) {
        return Boolean.TRUE.equals(result.passed());
    }

    private static boolean changed(TaskResult base, TaskResult trained) {
        return base.passed() == null
                ? !Objects.equals(base.answer(), trained.answer())
                : passes(base) != passes(trained);
    }

    private static Outcomes outcomes(List<TaskResult> base, List<TaskResult> trained) {
        int[] counts = new int[4];
        for (int i = 0; i < base.size(); i++) {
            if (base.get(i).passed() != null) {
                counts[(passes(base.get(i)) ? 2 : 0) + (passes(trained.get(i)) ? 1 : 0)]++;
            }
        }
        return new Outcomes(counts[3], counts[1], counts[2], counts[0], Statistics.signTest(counts[1], counts[2]));
    }

    private static String verdict(Outcomes outcomes) {
        if (outcomes.both + outcomes.wins + outcomes.losses + outcomes.neither == 0) {
            return "No task has an expected answer, so nothing is judged.";
        }
        if (outcomes.wins + outcomes.losses == 0) {
            return outcomes.both == 0
                    ? "Neither model passes any task, so this shows no difference."
                    : "Both pass the same tasks.";
        }
        String counts = "%d won, %d lost".formatted(outcomes.wins, outcomes.losses);
        String p = String.format(Locale.ROOT, "p = %.3g", outcomes.signTest);
        return outcomes.signTest >= 0.05
                ? "%s: a difference this large is likely by chance alone (%s), so this shows no difference."
                        .formatted(counts, p)
                : "%s: the trained model passes %s, and a difference this large is unlikely by chance alone (%s)."
                        .formatted(counts, outcomes.wins > outcomes.losses ? "more" : "fewer", p);
    }

    private static List<String> notes(
            List<EvaluationTask> tasks,
            int notRun,
            List<TaskResult> base,
            List<TaskResult> trained,
            List<Integer> scored) {
        List<String> notes = new ArrayList<>();
        notes.add("The models ran one after the other, base first, so other load on the machine affects the speeds.");
        boolean others = scored.stream()
                .anyMatch(i -> !Objects.equals(
                        base.get(i).scoredTokens(), trained.get(i).scoredTokens()));
        if (others) {
            notes.add(
                    "The two models tokenize the expected texts differently, so their perplexities can't be compared.");
        }
        if (notRun > 0) {
            notes.add("%d more tasks were skipped because they run Python code, which requires --allow-code."
                    .formatted(notRun));
        }
        long limited = tasks.stream().filter(task -> task.maxTokens() != null).count();
        if (limited > 0) {
            notes.add("%d of %d tasks set their own token limit per answer, which overrides --max-tokens."
                    .formatted(limited, tasks.size()));
        }
        long judged = tasks.stream().filter(EvaluationTask::isJudged).count();
        if (judged < tasks.size()) {
            notes.add("%d of %d tasks have no expected answer and are not judged."
                    .formatted(tasks.size() - judged, tasks.size()));
        }
        return notes;
    }
}
