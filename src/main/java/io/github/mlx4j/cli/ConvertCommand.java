package io.github.mlx4j.cli;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.adapter.Dtype;
import io.github.mlx4j.evaluation.ModelVerifier;
import io.github.mlx4j.evaluation.Prompts;
import io.github.mlx4j.evaluation.Verification;
import io.github.mlx4j.port.Prompt;
import io.github.mlx4j.training.ConversionConfig;
import io.github.mlx4j.training.ConversionListener;
import io.github.mlx4j.training.ConversionReport;
import io.github.mlx4j.training.ModelConverter;
import io.github.mlx4j.training.Quantization;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j convert}: a model folder for mlx, of another type, quantized, or no longer so. */
@Command(
        name = "convert",
        description = {
            "Writes a model folder that mlx loads: as it is, with another type of weights, quantized, or no longer so.",
            "It is compared with its source before it gets its name; an existing folder is never touched."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:written, and like its source", "1:it failed", "2:wrong usage"})
final class ConvertCommand implements Callable<Integer> {

    private static final double TOLERANCE = 1e-4;
    private static final int GREEDY_TOKENS = 32;

    /** What {@code --json} prints; {@code hf} is of {@code --verify-with hf}. */
    private record Result(
            ConversionReport conversion, @Nullable Verification hf) {}

    @Parameters(paramLabel = "SOURCE", description = "A model folder, or a hub id.")
    @SuppressWarnings("NullAway.Init")
    private String source;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "The folder to write; not there yet.")
    @SuppressWarnings("NullAway.Init")
    private Path output;

    @Option(names = "--revision", paramLabel = "NAME", description = "A branch, tag or commit of the hub id.")
    private @Nullable String revision;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Turns the weights into bfloat16, float16 or float32; default: as they are stored.")
    private @Nullable Dtype dtype;

    @Option(names = "--bits", paramLabel = "N", description = "Quantizes to 2, 3, 4, 5, 6 or 8 bits.")
    private @Nullable Integer bits;

    @Option(
            names = "--group-size",
            paramLabel = "N",
            description = "How many values share a scale: 32, 64 or 128; default 64.")
    private @Nullable Integer groupSize;

    @Option(names = "--mode", paramLabel = "MODE", description = "affine, mxfp4, mxfp8 or nvfp4; default affine.")
    private Quantization.@Nullable Mode mode;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            description = "More bits for some layers: mixed_2_6, mixed_3_4, mixed_3_6 or mixed_4_6; instead of --bits.")
    private ConversionConfig.@Nullable Recipe recipe;

    @Option(names = "--dequantize", description = "Turns quantized weights into plain ones.")
    private boolean dequantize;

    @Option(
            names = "--verify-with",
            paramLabel = "hf",
            description = "Compares the result with the source on transformers too, where that can load it.")
    private @Nullable Engine verifyWith;

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description = "What to compare them on, as verify takes it; default: some that come with it.")
    private @Nullable Path prompts;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    private final BiFunction<ConversionConfig, ConversionListener, ConversionReport> converter;
    private final OpenModel.Opener opener;

    /** For picocli. */
    ConvertCommand() {
        this(
                (config, listener) -> new ModelConverter(ProviderConfig.fromEnv()).convert(config, listener),
                OpenModel::withWorker);
    }

    ConvertCommand(
            BiFunction<ConversionConfig, ConversionListener, ConversionReport> converter, OpenModel.Opener opener) {
        this.converter = converter;
        this.opener = opener;
    }

    @Override
    public Integer call() throws Exception {
        if (verifyWith == Engine.MLX) {
            throw wrong("--verify-with is for hf; the comparison on mlx is always made");
        }
        if (verifyWith == null && prompts != null) {
            throw wrong("--prompts is for --verify-with");
        }
        if (verifyWith != null && revision != null) {
            throw wrong("--verify-with can't be used with --revision");
        }
        ConversionConfig config = ConversionConfig.of(source, output)
                .withRevision(revision)
                .withDtype(dtype)
                .withQuantization(quantization())
                .withDequantize(dequantize);
        if (recipe != null) {
            config = config.withRecipe(recipe, groupSize == null ? config.recipeGroupSize() : groupSize);
        }
        List<Prompt> given = prompts == null ? List.of() : Prompts.read(prompts); // before anything is written
        ConversionConfig asked = config;
        ConversionReport report =
                ConversionOutput.watched(spec.commandLine(), listener -> converter.apply(asked, listener));
        Verification hf = verifyWith == null ? null : verification(given);
        boolean judged = report.quantization() == null && report.dtype().equals("float32");
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ConversionOutput.json(out, new Result(report, hf));
        } else {
            ConversionOutput.text(out, report);
            if (hf != null) {
                print(hf, judged, out);
            }
        }
        return hf != null && judged && !hf.passed() ? Main.FAILED : 0;
    }

    private @Nullable Quantization quantization() {
        if (bits == null && mode == null) {
            if (groupSize != null && recipe == null) {
                throw wrong("--group-size says nothing without --bits, --mode or --recipe");
            }
            return null;
        }
        Quantization usual = Quantization.of(mode == null ? Quantization.Mode.AFFINE : mode);
        return new Quantization(
                bits == null ? usual.bits() : bits, groupSize == null ? usual.groupSize() : groupSize, usual.mode());
    }

    private Verification verification(List<Prompt> given) {
        OpenModel.Making making = new OpenModel.Making(null, null, dtype);
        OpenModel.Making asItIs = new OpenModel.Making(null, null, null);
        try (OpenModel before = opener.open(new OpenModel.Source("source", source, Engine.HF, null, making));
                OpenModel after =
                        opener.open(new OpenModel.Source("output", output.toString(), Engine.MLX, null, asItIs))) {
            boolean chat = before.side().analysis().details().chat();
            List<Prompt> chosen = given.isEmpty() ? Prompts.builtIn(chat) : given;
            return ModelVerifier.verify(before.side(), after.side(), chosen, TOLERANCE, GREEDY_TOKENS);
        }
    }

    private static void print(Verification hf, boolean judged, PrintWriter out) {
        out.printf(
                Locale.ROOT,
                "hf       max difference %.2e, mean %.2e; the likeliest token agrees at %d of %d places, greedy on %d"
                        + " of %d prompts%n",
                hf.maxDifference(),
                hf.meanDifference(),
                hf.argmaxAgreed(),
                hf.positions(),
                hf.greedyAgreed(),
                hf.prompts().size());
        if (!judged) {
            out.println("         not judged: only float32 on both sides can be held to a tolerance");
        } else if (!hf.passed()) {
            out.println("FAILED   " + String.join("; ", hf.reasons()) + "; the folder is there");
        }
    }

    private CommandLine.ParameterException wrong(String why) {
        return new CommandLine.ParameterException(spec.commandLine(), why);
    }
}
