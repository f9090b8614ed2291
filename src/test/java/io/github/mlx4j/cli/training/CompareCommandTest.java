package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.cli.Main;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.compare.Answers;
import io.github.mlx4j.compare.CodeRunner;
import io.github.mlx4j.compare.ComparisonReport;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

@Timeout(60)
class CompareCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<String> opened = new ArrayList<>();
    private final List<String> asked = new ArrayList<>();
    private final List<LoadConfig> loaded = new ArrayList<>();
    private final List<LoadConfig> checked = new ArrayList<>();
    private Verdict mlx = Verdict.loads(ProviderKind.MLX, "mlx-lm 1", Optional.empty(), false, List.of());
    private Verdict hf = Verdict.loads(ProviderKind.HF, "transformers 1", Optional.empty(), false, List.of());
    private boolean dying;
    private String format = "model";

    @TempDir
    private Path folder;

    private Path base;
    private Path trained;
    private Path tasks;
    private Path results;

    @BeforeEach
    void makeFolders() throws IOException {
        base = Files.createDirectory(folder.resolve("base"));
        trained = Files.createDirectory(folder.resolve("trained"));
        results = folder.resolve("results");
        tasks = Files.writeString(folder.resolve("tasks.jsonl"), """
                {"prompt": "1+1=", "expected": "2"}
                {"prompt": "2+2=", "expected": "4"}
                """);
    }

    @Test
    void shouldRunOneAfterTheOtherAndReport() {
        assertThat(run("")).as(err.toString()).isZero();

        assertThat(opened)
                .containsExactly(
                        "open base " + base + " MLX null",
                        "close base",
                        "open trained " + trained + " MLX null",
                        "close trained");
        assertThat(asked).containsExactly("base 1+1=", "base 2+2=", "trained 1+1=", "trained 2+2=");
        assertThat(out.toString())
                .contains(
                        "**1 won, 0 lost: a difference this large is likely by chance alone (p = 1.00)",
                        "| passed | 1 of 2 | 2 of 2 |")
                .endsWith(
                        "\nreport: " + results.resolve("report.html") + ", with report.md and report.json next to it\n")
                .doesNotContain("Tasks that changed");
        assertThat(loaded).containsOnly(LoadConfig.DEFAULT);
        assertThat(results.resolve("report.md")).content().contains("Tasks that changed");
        assertThat(err.toString().lines())
                .contains("base: mlx on cpu, float32", "base: warning: a toy")
                .anyMatch(line -> line.startsWith("2/2 base tasks"));
        assertThat(results).isDirectoryContaining("glob:**/report.{html,md,json}");
    }

    @Test
    void shouldPutTheAdapterOnTheBaseWhenTheFolderHasOne() throws IOException {
        Files.writeString(trained.resolve("adapter_config.json"), "{}");

        assertThat(run("--backend hf")).as(err.toString()).isZero();

        assertThat(opened).contains("open base " + base + " HF null", "open trained " + base + " HF " + trained);
        assertThat(out.toString()).contains("(an adapter on the base model)");
    }

    @Test
    void shouldMakeOfTheModelsWhatIsAskedFor() {
        assertThat(run("--expert law --trained_base " + base + " --dtype Float32"))
                .as(err.toString())
                .isZero();

        assertThat(loaded)
                .containsExactly(
                        LoadConfig.builder().dtype(Dtype.FLOAT32).build(),
                        LoadConfig.builder()
                                .expert("law")
                                .base(base.toString())
                                .dtype(Dtype.FLOAT32)
                                .build());
        assertThat(out.toString())
                .contains("trained: " + trained + ", expert law, on " + base, "- mlx in float32, 2 tasks");
        assertThat(results.resolve("run.json")).content().contains("\"expert\" : \"law\"", "\"dtype\" : \"float32\"");
        assertThat(run("--expert medicine --trained_base " + base + " --dtype float32"))
                .isEqualTo(1);
        assertThat(err.toString()).contains("expert was \"law\" and is now \"medicine\".");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--expert law", "--trained-base org/name"})
    void shouldRunNothingWhenAnAdapterIsToHaveWhatItCanNot(String arguments) throws IOException {
        Files.writeString(trained.resolve("adapter_config.json"), "{}");

        assertThat(run(arguments)).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: INVALID_REQUEST: " + trained + " is an adapter, ");
        assertThat(opened).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"peftAdapter", "mlxAdapter"})
    void shouldRefuseWhenAHubIdTurnsOutToBeAnAdapter(String found) {
        format = found;

        assertThat(execute("--base %s --trained org/lora --tasks %s --out %s".formatted(base, tasks, results)))
                .isEqualTo(1);

        assertThat(err.toString())
                .contains("mlx4j: INVALID_REQUEST: org/lora is an adapter, ", "`hf download org/lora`", "--trained");
        assertThat(asked).as("of the base model only").containsExactly("base 1+1=", "base 2+2=");
        assertThat(opened).last().isEqualTo("close trained");
    }

    @Test
    void shouldPrintTheReportWhenAskedForJson() throws IOException {
        assertThat(run("--json --max_samples 1 --max_tokens 9")).isZero();

        ComparisonReport report = new JsonMapper().readValue(out.toString(), ComparisonReport.class);
        assertThat(report.settings().samples()).isEqualTo(1);
        assertThat(report.settings().maxTokens()).isEqualTo(9);
        assertThat(err.toString()).contains("report: " + results.resolve("report.html"));
        assertThat(asked).hasSize(2);
    }

    @Test
    void shouldGoOnWhereItWasWhenRunAgain() {
        dying = true;
        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString()).contains("mlx4j: WORKER_DIED: ");
        assertThat(opened).last().isEqualTo("close trained");
        dying = false;
        opened.clear();
        asked.clear();

        assertThat(run("")).isZero();

        assertThat(opened).containsExactly("open trained " + trained + " MLX null", "close trained");
        assertThat(asked).containsExactly("trained 2+2=");
        assertThat(err.toString())
                .contains("base: all 2 tasks were already done", "trained: 1 of 2 tasks were already done");

        opened.clear();
        assertThat(run("")).isZero();
        assertThat(opened).as("only the report is made again").isEmpty();
    }

    @Test
    void shouldRefuseWhenTheFolderHasAnotherRun() {
        run("");
        opened.clear();

        assertThat(run("--max-tokens 7")).isEqualTo(1);
        assertThat(err.toString())
                .contains("mlx4j: INVALID_CONFIGURATION: " + results
                        + " contains the results of a different run: --max-tokens was 256 and is now 7.");
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldRunTheBuiltInTasksWhenNoneAreNamed() {
        assertThat(execute("--base %s --trained %s --max-samples 9 --out %s".formatted(base, trained, results)))
                .as(err.toString())
                .isZero();

        assertThat(asked).isNotEmpty().first().asString().startsWith("base Question: ");
        assertThat(err.toString()).contains("tasks with Python code are skipped without --allow-code");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldRunCodeWhenThatIsAllowed() throws IOException {
        Files.writeString(tasks, """
                {"prompt": "1+1=", "expected": "2"}
                {"prompt": "2+2=", "function": "f", "calls": [{"arguments": [], "returns": 4}]}
                """);

        assertThat(run("--allow-code")).as(err.toString()).isZero();

        assertThat(asked).containsExactly("base 1+1=", "base 2+2=", "trained 1+1=", "trained 2+2=");
        assertThat(out.toString()).contains("| passed | 1 of 2 | 1 of 2 |");
        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString()).contains("--allow-code was true and is now false");
    }

    @Test
    void shouldRunNothingWhenATaskIsBad() throws IOException {
        Files.writeString(tasks, "{\"prompt\": \"a\"}\n{}\n");

        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: INVALID_REQUEST: " + tasks + ", line 2: ");
        assertThat(opened).isEmpty();
        assertThat(results).doesNotExist();
    }

    @Test
    void shouldRunNothingWhenAFolderIsMissing() {
        assertThat(execute("--base " + base + " --trained /no/such/folder --tasks " + tasks))
                .isEqualTo(1);
        assertThat(err.toString()).startsWith("mlx4j: MODEL_NOT_FOUND: The folder /no/such/folder does not exist.");
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldWriteNothingIntoAModelFolder() {
        results = trained.resolve("evaluation");

        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString()).contains("inside the model folder " + trained);
        assertThat(results).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--base B --tasks T",
                "--base B --trained X --wandb_artifact e/p/n:v1 --tasks T",
                "--base B --trained X --tasks T --max_samples 0",
                "--base B --trained X --tasks T --max-tokens 0",
                "--base B --trained X --tasks T --wandb_python python3",
                "--base B --trained X --tasks T --backend ollama",
                "--base B --trained X --tasks T --dtype int8"
            })
    void shouldExitWithTwoWhenTheUsageIsWrong(String arguments) {
        assertThat(execute(arguments)).isEqualTo(2);
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldTakeTheBaseFromTheConfigOfTheTrainedModel() throws IOException {
        Files.writeString(trained.resolve("config.json"), "{\"_name_or_path\": \"%s\"}".formatted(base));

        assertThat(execute("--trained_model %s --tasks %s --out %s".formatted(trained, tasks, results)))
                .as(err.toString())
                .isZero();

        assertThat(opened).first().isEqualTo("open base " + base + " MLX null");
        assertThat(err.toString())
                .contains("compare: the base model is " + base + " (config.json: _name_or_path of the trained model)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"adapter_config.json", "config.json"})
    void shouldTakeTheBaseOfAnAdapterAndOfADyLora(String file) throws IOException {
        Files.writeString(
                trained.resolve(file),
                "{\"model_type\": \"dylora-moe\", \"peft_type\": \"LORA\", \"base_model_name_or_path\": \"../base\"}");

        assertThat(execute("--trained-model %s --tasks %s --out %s".formatted(trained, tasks, results)))
                .as(err.toString())
                .isZero();

        Path real = base.toRealPath();
        assertThat(opened).first().isEqualTo("open base " + real + " MLX null");
        assertThat(checked)
                .extracting(LoadConfig::base)
                .containsExactly(file.startsWith("adapter") ? real.toString() : null);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"_name_or_path\": \"%s\"}", "not JSON"})
    void shouldListTheFieldsWhenNoneNamesTheBase(String config) throws IOException {
        Files.writeString(trained.resolve("config.json"), config.formatted(trained));

        assertThat(execute("--trained %s --tasks %s".formatted(trained, tasks))).isEqualTo(1);

        assertThat(err.toString())
                .startsWith("mlx4j: INVALID_REQUEST: " + trained + " names no base model. Checked:"
                        + " base_model_name_or_path and _name_or_path in config.json, base_model_name_or_path and model"
                        + " in adapter_config.json, and adapter_config.json of the experts. What to do: Specify the base"
                        + " model with --base.");
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldNeedTheBaseWhenTheTrainedModelIsNotOnThisMachine() {
        assertThat(execute("--trained no-such/model-at-all --tasks " + tasks)).isEqualTo(1);

        assertThat(err.toString()).contains("no-such/model-at-all is not on this machine", "--base");
        assertThat(checked).isEmpty();
    }

    @Test
    void shouldRunNothingWhenTheLoaderRefusesTheTrainedModel() {
        mlx = Verdict.refused(ProviderKind.MLX, "MODEL_LOAD_FAILED", "Its config is damaged.", "Copy it again.");
        hf = Verdict.refused(ProviderKind.HF, "UNSAFE_MODEL", "It has pickles.", "Allow them.");

        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString())
                .startsWith("mlx4j: MODEL_LOAD_FAILED: mlx does not load " + trained
                        + ": Its config is damaged. What to do: Copy it again.");
        assertThat(run("--backend hf")).isEqualTo(1);
        assertThat(err.toString()).contains("mlx4j: UNSAFE_MODEL: hf does not load " + trained);
        assertThat(opened).isEmpty();
        assertThat(results).doesNotExist();
    }

    @Test
    void shouldRunBothOnHfWhenOnlyHfLoadsTheTrainedModel() {
        mlx = Verdict.refused(ProviderKind.MLX, "NOT_SUPPORTED", "It needs an expert.", "Name one.");

        assertThat(run("")).as(err.toString()).isZero();

        assertThat(opened).contains("open base " + base + " HF null", "open trained " + trained + " HF null");
        assertThat(err.toString())
                .startsWith("compare: both models run on hf because mlx does not load " + trained
                        + ": It needs an expert.");
        assertThat(run("--backend mlx")).isEqualTo(1);
        assertThat(err.toString()).contains("mlx4j: NOT_SUPPORTED: mlx does not load " + trained);
    }

    @Test
    void shouldTakeHfForARouterWhenNoLoaderCanJudge() throws IOException {
        Files.writeString(trained.resolve("config.json"), "{\"model_type\": \"dylora-moe\"}");
        mlx = Verdict.notJudged(ProviderKind.MLX, "It needs the base model org/base.", "Fetch it.");
        hf = Verdict.notJudged(ProviderKind.HF, "It needs the base model org/base.", "Fetch it.");

        assertThat(run("")).as(err.toString()).isZero();

        assertThat(opened).first().isEqualTo("open base " + base + " HF null");
        assertThat(err.toString())
                .contains("compare: " + trained
                        + " can't be checked before the run: It needs the base model org/base. Fetch it.");
    }

    @Test
    void shouldSayWhyHfRefusesARouter() throws IOException {
        Files.writeString(trained.resolve("config.json"), "{\"model_type\": \"dylora-moe\"}");
        mlx = Verdict.refused(
                ProviderKind.MLX, "MODEL_LOAD_FAILED", "Its router runs on transformers only.", "Use hf.");
        hf = Verdict.refused(ProviderKind.HF, "UNSAFE_MODEL", "It has pickles.", "Set options.allowPickles.");

        assertThat(run("")).isEqualTo(1);
        assertThat(err.toString())
                .startsWith("mlx4j: UNSAFE_MODEL: hf does not load " + trained
                        + ": It has pickles. What to do: Set MLX4J_ALLOW_PICKLES=true.");
        assertThat(opened).isEmpty();
    }

    @Test
    void shouldExitWithTwoWhenTheArtifactHasNoSuchForm() {
        assertThat(execute("--base " + base + " --wandb-artifact e/p/n --tasks " + tasks))
                .isEqualTo(2);
        assertThat(err.toString()).startsWith("'e/p/n' is not a Weights & Biases artifact.");
    }

    private int run(String arguments) {
        return execute(("--base %s --trained %s --tasks %s --out %s " + arguments)
                .formatted(base, trained, tasks, results)
                .strip());
    }

    private int execute(String arguments) {
        CommandLine main = Main.commandLine(new PrintWriter(out, true), new PrintWriter(err, true));
        main.getCommandSpec().removeSubcommand("compare");
        main.addSubcommand(new CompareCommand(
                this::open,
                (engine, model, options) -> {
                    checked.add(options);
                    return engine == WorkerKind.MLX ? mlx : hf;
                },
                engine -> CodeRunner.start(List.of(FakeWorker.python().toString()))));
        return main.setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(main.getExecutionExceptionHandler())
                .execute(("compare " + arguments).split(" "));
    }

    private OpenModel open(OpenModel.Source source) {
        opened.add("open " + source.name() + " " + source.model() + " " + source.engine() + " "
                + source.options().adapter());
        loaded.add(source.options());
        boolean base = source.name().equals("base");
        Answers answers = new Answers(-0.5, 100)
                .to("1+1=", "2")
                .to("2+2=", base ? "5" : "4")
                .from(base ? "model" : format);
        if (dying && !base) {
            answers.dyingAt("2+2=");
        }
        return new OpenModel(answers.side(source.name()), () -> {
            answers.asked().forEach(prompt -> asked.add(source.name() + " " + prompt));
            opened.add("close " + source.name());
        });
    }
}
