package io.github.mlx4j.cli.models;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.model.registry.HubCache;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.model.registry.RegisteredModel;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mlx4j models list}: the registry, one line per model. */
@Command(
        name = "list",
        description = {
            "List the models in the registry: those that come with mlx4j and those in MLX4J_HOME/models.json.",
            "The memory column covers the weights and a KV cache of 4,096 tokens for one sequence."
        },
        mixinStandardHelpOptions = true)
final class ModelsListCommand implements Callable<Integer> {

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        List<RegisteredModel> models = ModelsCommand.registry().models();
        HubCache cache = ModelsCommand.cache();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(ModelJson.text(
                    "models",
                    models.stream().map(model -> ModelJson.of(model, cache)).toList()));
            return 0;
        }
        int width = models.stream().mapToInt(model -> model.id().length()).max().orElse(2);
        String row = "%-" + width + "s  %6s  %-9s  %8s  %-11s  %-6s  %-8s  %s%n";
        out.printf(row, "id", "params", "quantized", "memory", "licence", "cached", "verified", "roles");
        for (RegisteredModel model : models) {
            out.printf(
                    row,
                    model.id(),
                    String.format(Locale.ROOT, "%.2fB", model.parameters() / 1e9),
                    ModelsCommand.quantization(model),
                    ByteText.text(MemoryEstimate.inference(model, Math.min(ModelsCommand.TOKENS, model.contextLength()))
                            .bytes()),
                    model.licence(),
                    ModelJson.cached(cache.state(model.id())),
                    model.verified() == null ? "no" : model.verified().date(),
                    ModelsCommand.roles(model));
        }
        return 0;
    }
}
