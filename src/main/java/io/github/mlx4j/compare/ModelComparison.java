package io.github.mlx4j.compare;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.Score;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Compares a base model with its trained version, task by task. The models run one after the other. Each result is
 * written to disk before the next task begins, so an interrupted run continues where it stopped.
 */
public final class ModelComparison implements AutoCloseable {

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Path folder;
    private final ComparisonConfig settings;
    private final List<EvaluationTask> tasks;
    private final int notRun;
    private final @Nullable CodeRunner code;
    private final ResultLog log;

    private ModelComparison(
            Path folder,
            ComparisonConfig settings,
            List<EvaluationTask> tasks,
            int notRun,
            @Nullable CodeRunner code,
            ResultLog log) {
        this.folder = folder;
        this.settings = settings;
        this.tasks = tasks;
        this.notRun = notRun;
        this.code = code;
        this.log = log;
    }

    /**
     * Starts or continues a comparison that skips tasks with Python code.
     *
     * @param folder the folder for the results; created if it doesn't exist
     * @param tasks the tasks; only the first {@link ComparisonConfig#samples()} are used
     * @throws ConfigurationException if the folder has results of other settings, or another run is using it
     */
    public static ModelComparison open(Path folder, ComparisonConfig settings, List<EvaluationTask> tasks) {
        return opened(folder, settings.toBuilder().allowCode(false).build(), tasks, null);
    }

    /**
     * Starts or continues a comparison that includes tasks with Python code.
     *
     * @param code runs the code; not closed with the comparison
     */
    public static ModelComparison open(
            Path folder, ComparisonConfig settings, List<EvaluationTask> tasks, CodeRunner code) {
        return opened(folder, settings.toBuilder().allowCode(true).build(), tasks, code);
    }

    private static ModelComparison opened(
            Path folder, ComparisonConfig settings, List<EvaluationTask> tasks, @Nullable CodeRunner code) {
        List<EvaluationTask> chosen = tasks.subList(0, Math.min(settings.samples(), tasks.size()));
        List<EvaluationTask> run = chosen.stream()
                .filter(task -> task.test() == null || code != null)
                .toList();
        return new ModelComparison(
                folder, settings, run, chosen.size() - run.size(), code, ResultLog.open(folder, settings));
    }

    /** Returns how many tasks are skipped because they are Python code. */
    public int notRun() {
        return notRun;
    }

    /** Returns the tasks that are run. */
    public List<EvaluationTask> tasks() {
        return tasks;
    }

    /** Returns the tasks that a model has not answered yet. */
    public List<EvaluationTask> missing(Variant arm) {
        return tasks.stream().filter(task -> !log.has(arm, task)).toList();
    }

    /**
     * Runs the tasks that a model has not answered yet. If the model can't process a task, for example because the
     * prompt exceeds its context, this is recorded as a result; any other failure ends the run.
     *
     * @param finished receives each result
     * @throws Mlx4jException if the model can't be loaded or fails
     */
    public void run(Variant arm, ComparedModel side, Consumer<TaskResult> finished) {
        for (EvaluationTask task : missing(arm)) {
            TaskResult result = result(arm, side, task);
            log.add(result);
            finished.accept(result);
        }
    }

    /**
     * Creates the report, and writes it into the folder as {@code report.json}, {@code report.md} and
     * {@code report.html}.
     *
     * @throws IllegalStateException if a result is missing
     */
    public ComparisonReport report() {
        ComparisonReport report = ComparisonReport.of(
                settings,
                tasks,
                notRun,
                tasks.stream().map(task -> log.of(Variant.BASE, task)).toList(),
                tasks.stream().map(task -> log.of(Variant.TRAINED, task)).toList());
        try {
            Files.writeString(folder.resolve("report.json"), JSON.writeValueAsString(report) + "\n");
            Files.writeString(folder.resolve("report.md"), ComparisonPages.markdown(report));
            Files.writeString(folder.resolve("report.html"), ComparisonPages.html(report));
        } catch (IOException error) {
            throw new UncheckedIOException("The report can't be written to " + folder, error);
        }
        return report;
    }

    @Override
    public void close() {
        log.close();
    }

    private TaskResult result(Variant arm, ComparedModel side, EvaluationTask task) {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(task.prompt())
                .temperature(0)
                .repetitionPenalty(1) // overrides the default of the model's author
                .stop(task.stop())
                .maxTokens(task.maxTokens() == null ? settings.maxTokens() : task.maxTokens())
                .build();
        GenerationResult answer;
        try {
            answer = side.text().generate(request);
        } catch (InvalidRequestException | ContextOverflowException refused) {
            Boolean passed = task.isJudged() ? false : null;
            return new TaskResult(
                    arm, task.id(), null, passed, null, false, 0, 0, 0, null, null, null, refused.reason());
        }
        Score score = null;
        String error = null;
        if (task.scored().isPresent()) {
            try {
                score = side.analysis().score(request, task.scored().get());
            } catch (InvalidRequestException | ContextOverflowException refused) {
                error = "the expected text: " + refused.reason();
            }
        }
        return result(arm, task, answer, score, error);
    }

    private TaskResult result(
            Variant arm, EvaluationTask task, GenerationResult answer, @Nullable Score score, @Nullable String error) {
        int tokens = answer.usage().completionTokens();
        double firstToken = answer.timings().firstToken().toNanos() / 1e9;
        double decode = answer.timings().decode().toNanos() / 1e9;
        CodeTest test = task.test();
        String failure = test == null || code == null
                ? null
                : code.failure(test, test.code(task.prompt(), answer.text())).orElse(null);
        return new TaskResult(
                arm,
                task.id(),
                answer.text(),
                test == null ? task.passes(answer.text()).orElse(null) : Boolean.valueOf(failure == null),
                failure,
                answer.finishReason() == FinishReason.LENGTH,
                tokens,
                answer.timings().prefill().toNanos() / 1e9 + decode,
                firstToken,
                tokens > 1 && decode > 0 ? (tokens - 1) / decode : null,
                score == null ? null : score.logProb(),
                score == null ? null : score.tokens().size(),
                error);
    }
}
