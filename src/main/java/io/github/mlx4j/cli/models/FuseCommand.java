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

/** {@code mlx4j fuse}: an adapter becomes part of its base model's weights. */
@Command(
        name = "fuse",
        description = {
            "Merges a LoRA adapter, or an expert of a DyLoRA-MoE, into its base model and writes the whole as a model"
                    + " folder.",
            "It is compared with the base and its adapter before it gets its name; an existing folder is never touched."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:written, and like the base with its adapter", "1:it failed", "2:wrong usage"})
public final class FuseCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "SOURCE",
            description = "A model folder or a hub id; an adapter that names its base model; or a DyLoRA-MoE.")
    private String source;

    @Option(names = "--adapter", paramLabel = "DIR", description = "The adapter, of PEFT or of mlx-lm.")
    private @Nullable Path adapter;

    @Option(names = "--base", paramLabel = "DIR|ID", description = "The base model in place of the one that is named.")
    private @Nullable String base;

    @Option(names = "--expert", paramLabel = "NAME", description = "The expert, of a DyLoRA-MoE.")
    private @Nullable String expert;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "The folder to write; not there yet.")
    private Path output;

    @Option(
            names = "--dequantize",
            description = "Turns a quantized base into a plain one; default: what changes is quantized again.")
    private boolean dequantize;

    @Option(names = "--verify-with", paramLabel = "ENGINE", description = ConversionOutput.VERIFY_WITH)
    private VerifyWith verifyWith = VerifyWith.AUTO;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final BiFunction<FusionConfig, ConversionListener, ConversionReport> fuser;

    /** For picocli. */
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
