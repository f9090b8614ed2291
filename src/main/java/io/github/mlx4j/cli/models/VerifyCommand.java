package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.Progress;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.compare.ModelVerifier;
import io.github.mlx4j.compare.Prompts;
import io.github.mlx4j.compare.Verification;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.generation.Prompt;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j verify}: checks whether two models produce the same output. */
@Command(
        name = "verify",
        description = {
            "Compare two models, or one model on both engines: the logits at each position of some prompts, then"
                    + " greedy generation.",
            "Both models are in memory at the same time."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:the outputs match", "1:they differ, or an error occurred", "2:invalid usage"})
public final class VerifyCommand implements Callable<Integer> {

    private static final int SHOWN = 10;

    @Parameters(index = "0", paramLabel = "A", description = "Model folder or hub id.")
    private String a;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "B",
            description = "Second model (default: A on the other engine).")
    private @Nullable String b;

    @Option(names = "--backend-a", paramLabel = "mlx|hf", description = "Engine for A (default: mlx).")
    private WorkerKind backendA = WorkerKind.MLX;

    @Option(
            names = "--backend-b",
            paramLabel = "mlx|hf",
            description = "Engine for B (default: mlx; hf if B is omitted).")
    private @Nullable WorkerKind backendB;

    @Option(names = "--adapter-a", paramLabel = "DIR", description = "Adapter for A.")
    private @Nullable Path adapterA;

    @Option(names = "--adapter-b", paramLabel = "DIR", description = "Adapter for B (default: A's if B is omitted).")
    private @Nullable Path adapterB;

    @Option(names = "--expert-a", paramLabel = "NAME", description = "Expert to use if A is a DyLoRA-MoE.")
    private @Nullable String expertA;

    @Option(
            names = "--expert-b",
            paramLabel = "NAME",
            description = "Expert to use if B is a DyLoRA-MoE (default: A's if B is omitted).")
    private @Nullable String expertB;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Convert the weights of both to bfloat16, float16 or float32 (default: as stored).")
    private @Nullable Dtype dtype;

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description = "JSON lines with prompt, messages or tokens, or lines of text (default: built-in prompts).")
    private @Nullable Path prompts;

    @Option(
            names = "--tolerance",
            paramLabel = "X",
            description = "Maximum difference between logits, relative to the range of A's logits (default: 1e-4).")
    private double tolerance = 1e-4;

    @Option(
            names = {"--max-tokens", "--max_tokens"},
            paramLabel = "N",
            description = "Maximum number of tokens to generate per prompt (default: ${DEFAULT-VALUE}).")
    private int maxTokens = 32;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final OpenModel.Opener opener;

    /** Creates the command; called by picocli. */
    VerifyCommand() {
        this(OpenModel::withWorker);
    }

    VerifyCommand(OpenModel.Opener opener) {
        this.opener = opener;
    }

    @Override
    public Integer call() throws Exception {
        WorkerKind otherEngine = backendB != null ? backendB : b == null ? WorkerKind.HF : WorkerKind.MLX;
        Path otherAdapter = adapterB == null && b == null ? adapterA : adapterB;
        String otherExpert = expertB == null && b == null ? expertA : expertB;
        if (b == null && backendA == otherEngine && adapterB == null && expertB == null) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "A and B are the same model; specify a different B or --backend-b");
        }
        new Usage(spec).within("--tolerance", tolerance, 0, Double.MAX_VALUE).count("--max-tokens", maxTokens);
        List<Prompt> given = prompts == null ? List.of() : Prompts.read(prompts); // before models are loaded
        Verification found;
        LoadConfig.Builder options = LoadConfig.builder().dtype(dtype);
        OpenModel.Source sourceA = new OpenModel.Source(
                "A", a, backendA, options.adapter(adapterA).expert(expertA).build());
        OpenModel.Source sourceB = new OpenModel.Source(
                "B",
                b == null ? a : b,
                otherEngine,
                options.adapter(otherAdapter).expert(otherExpert).build());
        try (OpenModel one = opener.open(sourceA);
                OpenModel other = opener.open(sourceB)) {
            boolean chat = one.side().analysis().details().chat();
            other.side().analysis().details(); // loads both before the progress timer starts
            List<Prompt> chosen = given.isEmpty() ? Prompts.builtIn(chat) : given;
            Progress progress = new Progress(
                    spec.commandLine().getErr(),
                    CommandLine.Help.Ansi.AUTO.enabled(),
                    "prompts",
                    0,
                    chosen.size(),
                    System::nanoTime);
            try {
                found = ModelVerifier.verify(
                        one.side(), other.side(), chosen, tolerance, maxTokens, checked -> progress.step());
            } finally {
                progress.end();
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.text(found));
        } else {
            print(found, out);
        }
        return found.passed() ? 0 : ExitCode.FAILED;
    }

    private static void print(Verification found, PrintWriter out) {
        for (Verification.Model model : List.of(found.a(), found.b())) {
            out.printf(
                    "%s  %s%s (%s on %s, %s)%n",
                    model.name(),
                    model.source(),
                    model.adapter() == null ? "" : " with " + model.adapter(),
                    model.backend(),
                    model.device(),
                    model.dtype());
        }
        out.printf("%n%3s %7s %10s %9s %9s  %s%n", "", "tokens", "max diff", "argmax", "greedy", "prompt");
        int number = 0;
        for (Verification.Check check : found.prompts()) {
            Verification.Logits logits = check.logits();
            Verification.Greedy greedy = check.greedy();
            out.printf(
                    "%3d %7d %10s %9s %9s  %s%n",
                    ++number,
                    check.tokens(),
                    logits == null ? "–" : digits(logits.maxDifference()),
                    logits == null
                            ? "–"
                            : logits.positions() - logits.argmaxDiffersAt().size() + "/" + logits.positions(),
                    greedy == null ? "–" : greedy.divergence() == null ? "same" : "differs",
                    check.prompt());
            check.differences().forEach(difference -> out.printf("      %s%n", difference));
            if (logits != null && !logits.argmaxDiffersAt().isEmpty()) {
                int all = logits.argmaxDiffersAt().size();
                out.printf(
                        "      different most probable tokens after token %s%s%n",
                        logits.argmaxDiffersAt().stream()
                                .limit(SHOWN)
                                .map(at -> Integer.toString(at + 1))
                                .collect(Collectors.joining(", ")),
                        all <= SHOWN ? "" : " and %d more".formatted(all - SHOWN));
            }
            if (greedy != null && greedy.divergence() != null) {
                Verification.Divergence parted = greedy.divergence();
                out.printf(
                        "      greedy token %d: %s and %s; the most probable token leads by %s and %s%n",
                        parted.at() + 1,
                        token(parted.tokenA()),
                        token(parted.tokenB()),
                        margin(parted.marginA()),
                        margin(parted.marginB()));
            }
        }
        out.printf(
                "%nlogits   max difference %s, mean %s, tolerance %s; the most probable token agrees at %d of %d positions%n",
                digits(found.maxDifference()),
                digits(found.meanDifference()),
                digits(found.tolerance()),
                found.argmaxAgreed(),
                found.positions());
        out.printf(
                "greedy   %d of %d prompts agree, up to %d tokens each%n",
                found.greedyAgreed(), found.prompts().size(), found.maxTokens());
        found.notes().forEach(note -> out.printf("note     %s%n", note));
        out.println(found.passed() ? "passed" : "FAILED   " + String.join("; ", found.reasons()));
    }

    private static String digits(double difference) {
        return difference == 0 ? "0" : String.format(Locale.ROOT, "%.2e", difference);
    }

    private static String token(@Nullable Integer token) {
        return token == null ? "the end" : token.toString();
    }

    private static String margin(@Nullable Double margin) {
        return margin == null ? "an unknown margin" : digits(margin);
    }
}
