package io.github.mlx4j.cli.models;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.conversion.ConversionListener;
import io.github.mlx4j.conversion.ConversionReport;
import io.github.mlx4j.conversion.FusionConfig;
import io.github.mlx4j.conversion.ModelConverter;
import io.github.mlx4j.conversion.VerifyWith;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j fuse}: merges an adapter into its base model's weights. */
@Command(
        name = "fuse",
        description = {
            "Merge a LoRA adapter, or an expert of a DyLoRA-MoE, into its base model and write the result as a model"
                    + " folder.",
            "The result is compared with the base model plus adapter before it is renamed to DIR. Existing folders are"
                    + " never changed."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:written and verified", "1:failed", "2:invalid usage"})
public final class FuseCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "SOURCE",
            description = "Model folder, hub id, adapter that names its base model, or DyLoRA-MoE.")
    private String source;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter, in PEFT or mlx-lm format.")
    private @Nullable Path adapter;

    @Option(
            names = "--base",
            paramLabel = "DIR|ID",
            description = "Base model, overriding the one that the adapter names.")
    private @Nullable String base;

    @Option(names = "--expert", paramLabel = "NAME", description = "Expert of a DyLoRA-MoE.")
    private @Nullable String expert;

    @Option(names = "--output", required = true, paramLabel = "DIR", description = "Output folder; must not exist.")
    private Path output;

    @Option(
            names = "--dequantize",
            description = "Dequantize a quantized base model (default: quantize the changed weights again).")
    private boolean dequantize;

    @Option(names = "--verify-with", paramLabel = "ENGINE", description = ConversionOutput.VERIFY_WITH)
    private VerifyWith verifyWith = VerifyWith.AUTO;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final BiFunction<FusionConfig, ConversionListener, ConversionReport> fuser;

    /** Creates the command; called by picocli. */
    FuseCommand() {
        this((config, listener) -> new ModelConverter(ProviderConfig.fromEnv()).fuse(config, listener));
    }

    FuseCommand(BiFunction<FusionConfig, ConversionListener, ConversionReport> fuser) {
        this.fuser = fuser;
    }

    @Override
    public Integer call() throws Exception {
        FusionConfig config = FusionConfig.builder(source, output)
                .adapter(adapter)
                .base(base)
                .expert(expert)
                .dequantize(dequantize)
                .verifyWith(verifyWith)
                .build();
        ConversionReport report =
                ConversionOutput.watched(spec.commandLine(), listener -> fuser.apply(config, listener));
        ConversionOutput.print(spec.commandLine().getOut(), report, json);
        return 0;
    }
}
