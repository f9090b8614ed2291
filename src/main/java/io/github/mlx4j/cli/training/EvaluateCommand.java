package io.github.mlx4j.cli.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.training.TrainingInfo;
import io.github.mlx4j.training.TrainingSession;
import io.github.mlx4j.training.Validation;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mlx4j evaluate}: the loss and perplexity of a model on data. */
@Command(
        name = "evaluate",
        description = "Compute the loss and perplexity of a model, with or without an adapter, on a data set.",
        mixinStandardHelpOptions = true)
public final class EvaluateCommand implements Callable<Integer> {

    @Option(names = "--model", required = true, paramLabel = "DIR|ID", description = "Model folder or hub id.")
    private String model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter to apply.")
    private @Nullable Path adapter;

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "JSON lines file, as for training.")
    private Path data;

    @Option(names = "--batch-size", paramLabel = "N", description = "Sequences per batch (default: ${DEFAULT-VALUE}).")
    private int batchSize = 4;

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description = "Truncate longer sequences, in tokens (default: ${DEFAULT-VALUE}).")
    private int maxLength = 2048;

    @Option(
            names = "--mask-prompt",
            description = "Compute the loss only on the completion (or on the last assistant message).")
    private boolean maskPrompt;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Convert the weights to bfloat16, float16 or float32 (default: as stored).")
    private @Nullable Dtype dtype;

    @Option(
            names = "--backend",
            paramLabel = "auto|mlx|hf",
            description = "Worker to use; auto (default) is mlx, or hf if mlx can't run the model.")
    private TrainingProviders.Backend backend = TrainingProviders.Backend.AUTO;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final Supplier<ProviderConfig> environment;

    /** Creates the command; called by picocli. */
    EvaluateCommand() {
        this(TrainingProviders::fromEnv);
    }

    EvaluateCommand(Supplier<ProviderConfig> environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() throws Exception {
        TrainingConfig config = new Usage(spec)
                .of(TrainingConfig.builder(TrainingMethod.NONE)
                        .adapter(adapter)
                        .validData(data)
                        .batchSize(batchSize)
                        .maxLength(maxLength)
                        .maskPrompt(maskPrompt)
                        .dtype(dtype)::build);
        TrainingInfo info;
        Validation found;
        try (TrainingSession session = TrainingSession.open(environment.get(), model, config, backend.kind())) {
            info = session.info();
            found = session.validate();
        }
        TrainingOutput.tellOpening(info, spec.commandLine().getErr(), new OptionNames(spec));
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.text(asJson(info, found)));
            return 0;
        }
        out.println(String.format(
                Locale.ROOT,
                "loss %.4f, perplexity %.3f, over %,d tokens of %,d sequences, %s on %s",
                found.loss(),
                found.perplexity(),
                found.tokens(),
                found.sequences(),
                info.backend().provider().id(),
                info.backend().device()));
        return 0;
    }

    private Map<String, Object> asJson(TrainingInfo info, Validation found) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model", model);
        fields.put("adapter", adapter == null ? null : adapter.toString());
        fields.put("data", data.toString());
        fields.put("loss", found.loss());
        fields.put("perplexity", found.perplexity());
        fields.put("tokens", found.tokens());
        fields.put("sequences", found.sequences());
        fields.put("backend", info.backend().provider().id());
        fields.put("device", info.backend().device());
        fields.put("dtype", info.dtype());
        fields.put("warnings", info.warnings());
        return fields;
    }
}
