package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.AppleDoubleFiles;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.compare.EvaluationTask.Match;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.report.Statistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.zeroturnaround.exec.ProcessExecutor;

class ModelComparisonTest {

    private static final List<EvaluationTask> TASKS = List.of(
            task("kept", "1+1=", "2", Match.EXACT),
            task("won", "2+2=", "4", Match.EXACT),
            task("lost", "Sky?", "blue", Match.CONTAINS),
            task("failed", "3*7=", "21", Match.EXACT),
            task("free", "Hello <b>&\"'", null, Match.EXACT));

    @TempDir
    private Path folder;

    @Test
    void shouldCountAndScoreWhenBothHaveAnsweredEverything() {
        ComparisonReport report = compare();

        assertThat(report.outcomes()).isEqualTo(new ComparisonReport.Outcomes(1, 1, 1, 1, 1.0));
        assertThat(report.verdict())
                .isEqualTo(
                        "1 won, 1 lost: a difference this large is likely by chance alone (p = 1.00), so this shows no"
                                + " difference.");
        ComparisonReport.Figures base = report.base();
        assertThat(base.tasks()).isEqualTo(5);
        assertThat(base.judged()).isEqualTo(4);
        assertThat(base.passed()).isEqualTo(2);
        assertThat(base.passRate()).isEqualTo(Statistics.wilson(2, 4));
        assertThat(base.scoredTokens()).isEqualTo(1 + 1 + 4 + 2);
        assertThat(base.perplexity().mid()).isCloseTo(Math.exp(0.7), within(1e-12));
        assertThat(report.trained().perplexity().mid()).isCloseTo(Math.exp(0.2), within(1e-12));
        assertThat(base.tokensPerSecond().mid()).isCloseTo(100, within(1e-3));
        assertThat(report.trained().tokensPerSecond().mid()).isCloseTo(50, within(1e-3));
        assertThat(base.firstTokenSeconds()).isEqualTo(0.02);
        assertThat(report.changed()).extracting(ComparisonReport.Changed::task).containsExactly("won", "lost", "free");
        assertThat(report.notes()).contains("1 of 5 tasks have no expected answer and are not judged.");
    }

    @Test
    void shouldWeighEachTokenTheSameWhenScoringPerplexity() {
        // −Σ logProb / Σ tokens is (1 + 12) / (1 + 4), not the mean of the tasks' own means
        ComparisonReport report = ComparisonReport.of(
                settings(2),
                TASKS.subList(0, 2),
                0,
                List.of(scored(Variant.BASE, "kept", -1.0, 1), scored(Variant.BASE, "won", -12.0, 4)),
                List.of(scored(Variant.TRAINED, "kept", -1.0, 1), scored(Variant.TRAINED, "won", -12.0, 5)));

        assertThat(report.base().perplexity().mid()).isCloseTo(Math.exp(13 / 5.0), within(1e-12));
        assertThat(report.notes())
                .contains(
                        "The two models tokenize the expected texts differently, so their perplexities can't be compared.");
    }

    @Test
    void shouldLeaveATaskOutOfPerplexityWhenOnlyOneHasScoredIt() {
        ComparisonReport report = ComparisonReport.of(
                settings(2),
                TASKS.subList(0, 2),
                0,
                List.of(scored(Variant.BASE, "kept", -1.0, 1), scored(Variant.BASE, "won", -12.0, 4)),
                List.of(scored(Variant.TRAINED, "kept", -1.0, 1), scored(Variant.TRAINED, "won", null, null)));

        assertThat(report.base().perplexity().mid()).isCloseTo(Math.E, within(1e-12));
        assertThat(report.base().scoredTokens()).isEqualTo(1);
    }

    @Test
    void shouldNotScoreWhenARegularExpressionIsExpected() {
        List<EvaluationTask> tasks = List.of(task("1", "1+1=", "\\d", Match.REGEX));

        try (ModelComparison comparison = ModelComparison.open(folder, settings(1), tasks)) {
            run(comparison, Variant.BASE, base());
            run(comparison, Variant.TRAINED, trained());
            ComparisonReport report = comparison.report();
            assertThat(report.base().passed()).isEqualTo(1);
            assertThat(report.base().perplexity()).isNull();
        }
    }

    @Test
    void shouldNotRunCodeWithoutARunner() {
        List<EvaluationTask> tasks = List.of(TASKS.get(0), code("2 * x"));

        try (ModelComparison comparison = ModelComparison.open(folder, settings(2), tasks)) {
            run(comparison, Variant.BASE, base());
            run(comparison, Variant.TRAINED, trained());
            ComparisonReport report = comparison.report();
            assertThat(report.notRun()).isEqualTo(1);
            assertThat(report.base().tasks()).isEqualTo(1);
            assertThat(report.outcomes()).isEqualTo(new ComparisonReport.Outcomes(1, 0, 0, 0, 1.0));
            assertThat(report.markdown())
                    .contains("1 more tasks were skipped because they run Python code, which requires --allow-code.");
        }
        try (CodeRunner runner = runner()) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> ModelComparison.open(folder, settings(2), tasks, runner))
                    .withMessageContaining("allowCode was false and is now true");
        }
    }

    @Test
    void shouldJudgeCodeByWhatItReturns() {
        List<EvaluationTask> tasks = List.of(code("good"), code("bad"), code("long"));
        Answers base =
                new Answers(-0.7, 100).to("good", "def f(x): return x * 2").to("bad", "def f(x): return x + 1");
        Answers trained = new Answers(-0.7, 100)
                .to("good", "```\ndef f(x): return x + x\n```")
                .to("bad", "def f(x): return 2 * x");

        try (CodeRunner runner = runner();
                ModelComparison comparison = ModelComparison.open(folder, settings(3), tasks, runner)) {
            run(comparison, Variant.BASE, base);
            run(comparison, Variant.TRAINED, trained);
            ComparisonReport report = comparison.report();
            assertThat(report.notRun()).isZero();
            assertThat(report.outcomes()).isEqualTo(new ComparisonReport.Outcomes(1, 1, 0, 1, 1.0));
            assertThat(report.base().perplexity()).isNull();
            assertThat(report.changed())
                    .extracting(ComparisonReport.Changed::task)
                    .containsExactly("bad");
            assertThat(report.markdown()).contains("(fails: f(2) should return 4: returned 3)");
        }
    }

    private static CodeRunner runner() {
        return CodeRunner.start(List.of(FakeWorker.python().toString()));
    }

    private static EvaluationTask code(String prompt) {
        CodeTest test = new CodeTest("f", List.of(new CodeTest.Call("[2]", "4"), new CodeTest.Call("[0]", "0")));
        return new EvaluationTask(prompt, new Prompt.Raw(prompt), null, Match.EXACT, null, List.of(), test);
    }

    @ParameterizedTest
    @CsvSource({
        "true, Both pass the same tasks.",
        "false, 'Neither model passes any task, so this shows no difference.'"
    })
    void shouldTellTheSamePassesFromNone(boolean passed, String verdict) {
        List<EvaluationTask> tasks = TASKS.subList(0, 2);
        List<TaskResult> base = List.of(judged(Variant.BASE, "kept", passed), judged(Variant.BASE, "won", false));
        List<TaskResult> trained =
                List.of(judged(Variant.TRAINED, "kept", passed), judged(Variant.TRAINED, "won", false));

        assertThat(ComparisonReport.of(settings(2), tasks, 0, base, trained).verdict())
                .isEqualTo(verdict);
    }

    @Test
    void shouldSayThatItIsNoChanceWhenManyAreWon() {
        List<EvaluationTask> tasks = new ArrayList<>();
        List<TaskResult> base = new ArrayList<>();
        List<TaskResult> trained = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            tasks.add(task("t" + i, "p", "e", Match.EXACT));
            base.add(judged(Variant.BASE, "t" + i, false));
            trained.add(judged(Variant.TRAINED, "t" + i, true));
        }

        assertThat(ComparisonReport.of(settings(8), tasks, 0, base, trained).verdict())
                .isEqualTo(
                        "8 won, 0 lost: the trained model passes more, and a difference this large is unlikely by chance alone"
                                + " (p = 0.00781).");
    }

    @Test
    void shouldHaveAResultWhenAModelCanNotTakeATask() {
        List<EvaluationTask> tasks = List.of(TASKS.get(0), task("long", "too long", "x", Match.EXACT));

        try (ModelComparison comparison = ModelComparison.open(folder, settings(2), tasks)) {
            run(comparison, Variant.BASE, base());
            run(comparison, Variant.TRAINED, trained());
            ComparisonReport report = comparison.report();
            assertThat(report.base().errors()).isEqualTo(1);
            assertThat(report.base().tasks())
                    .as("those that it could not take too")
                    .isEqualTo(2);
            assertThat(report.base().judged()).isEqualTo(2);
            assertThat(report.base().passed()).isEqualTo(1);
            assertThat(report.changed()).isEmpty();
        }
        assertThat(folder.resolve("results.jsonl")).content().contains("\"error\":\"The prompt is too long.\"");
    }

    @Test
    void shouldCutAnswersAtTheLimitOfTheTaskOrElseOfTheRun() throws IOException {
        List<EvaluationTask> tasks =
                List.of(new EvaluationTask("own", new Prompt.Raw("Sky?"), "bl", Match.EXACT, 2), TASKS.get(2));

        try (ModelComparison comparison = ModelComparison.open(folder, settings(2), tasks)) {
            run(comparison, Variant.BASE, base());
            run(comparison, Variant.TRAINED, trained());
            ComparisonReport report = comparison.report();
            assertThat(report.base().cut()).isEqualTo(1);
            assertThat(report.settings().maxTokens()).isGreaterThan(2);
            String page = Files.readString(folder.resolve("report.html"));
            for (String text : List.of(report.summary(), report.markdown(), page)) {
                assertThat(text)
                        .contains(
                                "up to %d tokens per answer unless the task sets its own limit"
                                        .formatted(report.settings().maxTokens()),
                                "1 of 2 tasks set their own token limit per answer, which overrides --max-tokens.");
            }
        }
    }

    @Test
    void shouldGoOnWhereItWasWhenARunEndedEarly() {
        Answers dying = base().dyingAt("Sky?");
        try (ModelComparison comparison = open()) {
            assertThatExceptionOfType(WorkerDiedException.class).isThrownBy(() -> run(comparison, Variant.BASE, dying));
        }
        assertThat(dying.asked()).containsExactly("1+1=", "2+2=", "Sky?");

        Answers again = base();
        try (ModelComparison comparison = open()) {
            assertThat(comparison.missing(Variant.BASE))
                    .extracting(EvaluationTask::id)
                    .containsExactly("lost", "failed", "free");
            run(comparison, Variant.BASE, again);
            run(comparison, Variant.TRAINED, trained());
            assertThat(comparison.report().outcomes()).isEqualTo(new ComparisonReport.Outcomes(1, 1, 1, 1, 1.0));
        }
        assertThat(again.asked()).containsExactly("Sky?", "3*7=", "Hello <b>&\"'");
        assertThat(folder.resolve("results.jsonl")).content().hasLineCount(10);
    }

    @Test
    void shouldDropTheLastLineWhenItIsTorn() throws IOException {
        try (ModelComparison comparison = open()) {
            run(comparison, Variant.BASE, base());
        }
        Path results = folder.resolve("results.jsonl");
        String whole = Files.readString(results);
        String[] lines = whole.split("\n");
        String before = String.join("\n", List.of(lines).subList(0, 4)) + "\n";
        String last = lines[4];
        for (String torn :
                List.of("{", last.substring(0, last.length() / 2), last, last.replace("Hi", "long ".repeat(99)))) {
            Files.writeString(results, before + torn); // without the end of the line
            Answers again = base();
            try (ModelComparison comparison = open()) {
                run(comparison, Variant.BASE, again);
            }
            assertThat(again.asked()).containsExactly("Hello <b>&\"'");
            assertThat(results).hasContent(whole);
        }
    }

    @Test
    void shouldSayWhichLineWhenAResultIsDamaged() throws IOException {
        try (ModelComparison comparison = open()) {
            run(comparison, Variant.BASE, base());
        }
        Path results = folder.resolve("results.jsonl");
        Files.writeString(results, "{\"arm\":\"base\",\n", StandardOpenOption.APPEND);

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(this::open)
                .withMessageStartingWith(results + " is damaged in line 6: ");
    }

    @Test
    void shouldRefuseWhenTheFolderHasResultsOfOtherSettings() {
        open().close();

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ModelComparison.open(folder, settings(3), TASKS))
                .withMessage(folder
                        + " contains the results of a different run: samples was 5 and is now 3. What to do: Choose another"
                        + " folder with --out, or remove this one.");
    }

    @Test
    void shouldRefuseWhenNothingSaysWhatTheResultsAreOf() throws IOException {
        Files.writeString(folder.resolve("results.jsonl"), "{}\n");

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(this::open)
                .withMessageStartingWith(folder + " has results.jsonl, but no run.json");
        assertThat(folder.resolve("run.json")).doesNotExist();
    }

    @Test
    void shouldRefuseTheFolderOfATrainingRun() throws IOException {
        Files.writeString(folder.resolve("report.json"), "{}\n");
        Files.writeString(folder.resolve("run.lock"), "");

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(this::open)
                .withMessageContaining(folder + " is not empty and does not belong to a comparison.");
        assertThat(folder.resolve("run.json")).doesNotExist();
    }

    @Test
    void shouldLeaveNothingBehindWhenTheFolderIsOfSomethingElse() throws IOException {
        Files.writeString(folder.resolve("letter.txt"), "Dear");

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(this::open)
                .withMessageContaining(folder + " is not empty and does not belong to a comparison.");
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(folder.resolve("letter.txt"));
        }
    }

    @Test
    void shouldRefuseAFolderThatCantBeMade() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");

        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ModelComparison.open(file.resolve("below"), settings(1), TASKS))
                .withMessageContaining("can't be used");
    }

    @Test
    void shouldRefuseWhenAnotherRunHasTheFolder() {
        try (ModelComparison comparison = open()) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(this::open)
                    .withMessageStartingWith("Another run is using the folder " + folder);
            assertThat(comparison.missing(Variant.BASE)).hasSize(5);
        }
        open().close();
    }

    @Test
    void shouldRefuseWhenAnotherProcessHasTheFolder() throws Exception {
        try (ModelComparison comparison = open()) {
            run(comparison, Variant.BASE, base());
        }

        try (ModelComparison comparison = open()) { // which reads what is there
            assertThat(otherRun()).isEqualTo("Another run is using the folder " + folder + ".");
            assertThatExceptionOfType(ConfigurationException.class).isThrownBy(this::open);
            assertThat(otherRun())
                    .as("after a refusal in this process")
                    .isEqualTo("Another run is using the folder " + folder + ".");
            assertThat(comparison.missing(Variant.BASE)).isEmpty();
        }
        assertThat(otherRun()).isEqualTo("opened 0");
        open().close();
    }

    @Test
    void shouldRefuseWhenAnotherRunHasTheFolderByAnotherName() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Files.createDirectory(folder.resolve("results")));

        try (ModelComparison comparison = ModelComparison.open(folder.resolve("results"), settings(5), TASKS)) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> ModelComparison.open(link, settings(5), TASKS))
                    .withMessageStartingWith("Another run is using the folder " + link);
            assertThat(comparison.missing(Variant.BASE)).hasSize(5);
        }
    }

    @Test
    void shouldTellSettingsApartWhenSomethingElseIsMadeOfTheModels() throws IOException {
        Path base = Files.createDirectory(folder.resolve("base"));
        Path tasks = Files.writeString(folder.resolve("tasks.jsonl"), "{}");
        ComparisonConfig plain = settings(base, tasks);
        ComparisonConfig onBase = plain.toBuilder().trainedBase(base.toString()).build();

        assertThat(Stream.of(
                                plain,
                                plain.toBuilder().expert("law").build(),
                                onBase,
                                plain.toBuilder().dtype("float32").build())
                        .map(ComparisonConfig::digest))
                .doesNotHaveDuplicates();
        assertThat(onBase.toBuilder().trainedBase(null).build()).isEqualTo(plain);
        Files.writeString(base.resolve("model.safetensors"), "1");
        assertThat(plain.toBuilder().trainedBase(base.toString()).build().trainedBaseFiles())
                .isNotEqualTo(onBase.trainedBaseFiles());
        Path results = folder.resolve("results");
        ModelComparison.open(results, settings(5), TASKS).close();
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ModelComparison.open(
                        results, settings(5).toBuilder().expert("law").build(), TASKS))
                .withMessageContaining("contains the results of a different run: expert was null and is now \"law\".");
    }

    @Test
    void shouldTellSettingsApartWhenAFileBehindALinkChanges() throws IOException {
        Path model = Files.createDirectory(folder.resolve("model"));
        Files.writeString(model.resolve("model.safetensors"), "1");
        Path tasks = Files.writeString(folder.resolve("tasks.jsonl"), "{}");
        Path link = Files.createSymbolicLink(folder.resolve("link"), model);
        ComparisonConfig before = settings(link, tasks);

        assertThat(before.base()).isEqualTo(link.toString());
        assertThat(before.baseFiles()).isEqualTo(settings(model, tasks).baseFiles());
        Files.writeString(model.resolve("model.safetensors"), "12");
        assertThat(settings(link, tasks).baseFiles()).isNotEqualTo(before.baseFiles());
    }

    @Test
    void shouldGoOnWhenAModelIsNamedByAnotherPathAndHasCompanionFilesOfMacos() throws IOException {
        Path model = Files.createDirectory(folder.resolve("model"));
        Files.writeString(model.resolve("model.safetensors"), "1");
        Path tasks = Files.writeString(folder.resolve("tasks.jsonl"), "{}");
        Path link = Files.createSymbolicLink(folder.resolve("link"), model);
        Path results = folder.resolve("results");
        ModelComparison.open(results, settings(model, tasks), TASKS).close();

        AppleDoubleFiles.scatter(folder);

        assertThat(settings(link, tasks).digest())
                .isEqualTo(settings(model, tasks).digest());
        ModelComparison.open(results, settings(link, tasks), TASKS).close();
    }

    @Test
    void shouldTellSettingsApartWhenAFileChanges() throws IOException {
        Path model = Files.createDirectory(folder.resolve("model"));
        Path weights = Files.writeString(model.resolve("model.safetensors"), "1");
        Path tasks = Files.writeString(folder.resolve("tasks.jsonl"), "{}");
        ComparisonConfig before = settings(model, tasks);

        assertThat(settings(model, tasks)).isEqualTo(before);
        assertThat(before.base()).isEqualTo(model.toString());
        assertThat(before.digest()).matches("[0-9a-f]{12}");
        Files.writeString(weights, "12");
        assertThat(settings(model, tasks).baseFiles()).isNotEqualTo(before.baseFiles());
        Files.writeString(tasks, "{ }");
        assertThat(settings(model, tasks).tasks()).isNotEqualTo(before.tasks());
        assertThat(settings(model, tasks).digest()).isNotEqualTo(before.digest());
    }

    @Test
    void shouldBeTheSameWhenTheReportIsReadBack() throws IOException {
        ComparisonReport report = compare();

        assertThat(new JsonMapper().readValue(folder.resolve("report.json").toFile(), ComparisonReport.class))
                .isEqualTo(report);
        assertThat(folder.resolve("report.md")).hasContent(report.markdown());
        assertThat(report.markdown()).startsWith(report.summary() + "\n## Tasks that changed\n");
    }

    @Test
    void shouldEscapeWhateverAModelSaysWhenItIsOnAPage() throws IOException {
        compare();

        assertThat(folder.resolve("report.html"))
                .content()
                .contains(
                        "Hello &lt;b&gt;&amp;&quot;&#39;",
                        "&lt;script src=&quot;http://evil&quot;&gt;alert(1)&lt;/script&gt;")
                .doesNotContain("<script", "Hello <b>");
        assertThat(folder.resolve("report.md"))
                .content()
                .contains("| free | different answer | Hi \\| there | &lt;script src=&quot;http://evil&quot;&gt;")
                .doesNotContain("<script");
    }

    @Test
    void shouldNeedNothingElseWhenThePageIsOpened() throws IOException {
        compare();

        String page = Files.readString(folder.resolve("report.html"));
        assertThat(Pattern.compile("<[^>]*\\b(src|href)\\s*=|@import|url\\(|<script|<link")
                        .matcher(page)
                        .find())
                .isFalse();
        assertThat(page)
                .contains(
                        "default-src 'none'", "prefers-color-scheme: dark", "<h3>won: won</h3>", "<h3>lost: lost</h3>")
                .containsSubsequence("<svg", "Pass rate", "<svg", "Perplexity", "<svg", "Tokens per second");
    }

    private ComparisonReport compare() {
        try (ModelComparison comparison = open()) {
            run(comparison, Variant.BASE, base());
            run(comparison, Variant.TRAINED, trained());
            return comparison.report();
        }
    }

    private ModelComparison open() {
        return ModelComparison.open(folder, settings(5), TASKS);
    }

    /** What a process of its own says that wants the folder too. */
    private String otherRun() throws Exception {
        return new ProcessExecutor(JavaCommand.of(
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        OtherRun.class.getName(),
                        folder.toString()))
                .readOutput(true)
                .timeout(60, TimeUnit.SECONDS)
                .execute()
                .outputUTF8()
                .strip();
    }

    private static void run(ModelComparison comparison, Variant arm, Answers model) {
        comparison.run(arm, model.side(arm.id()), finished -> {});
    }

    private static Answers base() {
        return new Answers(-0.7, 100)
                .to("1+1=", " 2")
                .to("2+2=", "five")
                .to("Sky?", "It is blue.")
                .to("3*7=", "no idea")
                .to("Hello <b>&\"'", "Hi | there");
    }

    private static Answers trained() {
        return new Answers(-0.2, 50)
                .to("1+1=", "2")
                .to("2+2=", "4")
                .to("Sky?", "It is green.")
                .to("3*7=", "22")
                .to("Hello <b>&\"'", "<script src=\"http://evil\">alert(1)</script>");
    }

    private static EvaluationTask task(String id, String prompt, String expected, Match match) {
        return new EvaluationTask(id, new Prompt.Raw(prompt), expected, match, null);
    }

    private static TaskResult scored(Variant arm, String task, Double logProb, Integer tokens) {
        return new TaskResult(arm, task, "a", true, null, false, 1, 1, 1, null, logProb, tokens, null);
    }

    private static TaskResult judged(Variant arm, String task, boolean passed) {
        return new TaskResult(arm, task, "a", passed, null, false, 1, 1, 1, null, null, null, null);
    }

    private static ComparisonConfig settings(int samples) {
        return new ComparisonConfig(
                3, "/b", "1", "/t", "2", false, null, null, "", null, "mlx", "3", samples, 256, false);
    }

    private static ComparisonConfig settings(Path model, Path tasks) throws IOException {
        TaskSet set = new TaskSet(TaskSet.sha256(Files.readAllBytes(tasks)), TASKS);
        return ComparisonConfig.of(model.toString(), "org/name", false, "mlx", set, 5, 256);
    }
}
