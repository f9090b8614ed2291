package io.github.mlx4j.cli.models;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.conversion.ConversionConfig;
import io.github.mlx4j.conversion.ConversionListener;
import io.github.mlx4j.conversion.ConversionReport;
import io.github.mlx4j.conversion.ModelConverter;
import io.github.mlx4j.conversion.Quantization;
import io.github.mlx4j.conversion.VerifyWith;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j convert}: converts, quantizes or dequantizes a model for mlx. */
@Command(
        name = "convert",
        description = {
            "Convert a model to a folder that mlx loads: unchanged, with another dtype, quantized or dequantized.",
            "The result is compared with its source on mlx and, if transformers can load the source, on transformers"
                    + " before it is renamed to DIR. Existing folders are never changed."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:written and verified", "1:failed", "2:invalid usage"})
public final class ConvertCommand implements Callable<Integer> {

    @Parameters(paramLabel = "SOURCE", description = "Model folder or hub id.")
    private String source;

    @Option(names = "--output", required = true, paramLabel = "DIR", description = "Output folder; must not exist.")
    private Path output;

    @Option(names = "--revision", paramLabel = "NAME", description = "Branch, tag or commit of the hub id.")
    private @Nullable String revision;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Convert the weights to bfloat16, float16 or float32 (default: as stored).")
    private @Nullable Dtype dtype;

    @Option(names = "--bits", paramLabel = "N", description = "Quantize to 2, 3, 4, 5, 6 or 8 bits.")
    private @Nullable Integer bits;

    @Option(
            names = "--group-size",
            paramLabel = "N",
            description = "Quantization group size: 32, 64 or 128 (default: 64).")
    private @Nullable Integer groupSize;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = "Quantization mode: affine, mxfp4, mxfp8 or nvfp4 (default: affine).")
    private Quantization.@Nullable Mode mode;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            description =
                    "Mixed quantization, with more bits for some layers, instead of --bits: mixed_2_6, mixed_3_4, mixed_3_6 or mixed_4_6.")
    private ConversionConfig.@Nullable Recipe recipe;

    @Option(names = "--dequantize", description = "Dequantize the weights.")
    private boolean dequantize;

    @Option(names = "--verify-with", paramLabel = "ENGINE", description = ConversionOutput.VERIFY_WITH)
    private VerifyWith verifyWith = VerifyWith.AUTO;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final BiFunction<ConversionConfig, ConversionListener, ConversionReport> converter;

    /** Creates the command; called by picocli. */
    ConvertCommand() {
        this((config, listener) -> new ModelConverter(ProviderConfig.fromEnv()).convert(config, listener));
    }

    ConvertCommand(BiFunction<ConversionConfig, ConversionListener, ConversionReport> converter) {
        this.converter = converter;
    }

    @Override
    public Integer call() throws Exception {
        ConversionConfig asked = new Usage(spec).of(this::config);
        ConversionReport report =
                ConversionOutput.watched(spec.commandLine(), listener -> converter.apply(asked, listener));
        ConversionOutput.print(spec.commandLine().getOut(), report, json);
        return 0;
    }

    private ConversionConfig config() {
        boolean quantized = bits != null || mode != null;
        if ((quantized ? 1 : 0) + (recipe != null ? 1 : 0) + (dequantize ? 1 : 0) > 1) {
            throw new Usage(spec).wrong("--bits or --mode, --recipe and --dequantize can't be combined");
        }
        ConversionConfig config = ConversionConfig.builder(source, output)
                .revision(revision)
                .dtype(dtype)
                .quantization(quantization())
                .dequantize(dequantize)
                .verifyWith(verifyWith)
                .build();
        return recipe == null
                ? config
                : config.toBuilder()
                        .recipe(recipe, groupSize == null ? config.recipeGroupSize() : groupSize)
                        .build();
    }

    private @Nullable Quantization quantization() {
        if (bits == null && mode == null) {
            if (groupSize != null && recipe == null) {
                throw new Usage(spec).wrong("--group-size requires --bits, --mode or --recipe");
            }
            return null;
        }
        Quantization usual = Quantization.of(mode == null ? Quantization.Mode.AFFINE : mode);
        return new Quantization(
                bits == null ? usual.bits() : bits, groupSize == null ? usual.groupSize() : groupSize, usual.mode());
    }
}
