package io.github.mlx4j.cli.models;

import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.model.registry.HubCache;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.model.registry.RegisteredModel;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j models show}: the registry entry of a model, with its memory calculation. */
@Command(
        name = "show",
        description = "Show the details of a model and its memory footprint.",
        mixinStandardHelpOptions = true)
final class ModelsShowCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ID", description = "Model id or alias in the registry.")
    private String id;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        RegisteredModel model = ModelsCommand.registry()
                .find(id)
                .orElseThrow(
                        () -> new ModelNotFoundException(
                                id + " is not in the registry.",
                                "Run `mlx4j models list` to see the registry. You can use any other model of the hub as well."));
        HubCache cache = ModelsCommand.cache();
        if (json) {
            spec.commandLine().getOut().println(ModelJson.text(ModelJson.of(model, cache)));
        } else {
            print(model, cache, spec.commandLine().getOut());
        }
        return 0;
    }

    private static void print(RegisteredModel model, HubCache cache, PrintWriter out) {
        Architecture sizes = model.architecture();
        RegisteredModel.Verified verified = model.verified();
        out.printf("%s (%s)%n", model.id(), model.family());
        line(out, "runs on", model.provider().id());
        line(out, "for hf", model.hfCounterpart() == null ? "none" : model.hfCounterpart());
        line(out, "roles", ModelsCommand.roles(model));
        line(out, "parameters", "%,d".formatted(model.parameters()));
        line(
                out,
                "quantized",
                model.quantization() == null
                        ? "no, " + model.dtype()
                        : "%d bits in groups of %d: %.1f bits with scales"
                                .formatted(
                                        model.quantization().bits(),
                                        model.quantization().groupSize(),
                                        model.bitsPerWeight()));
        line(out, "context", "%,d tokens".formatted(model.contextLength()));
        line(
                out,
                "sizes",
                "%d layers, hidden %d, %d heads, %d KV heads of %d, vocabulary %s"
                        .formatted(
                                sizes.layers(),
                                sizes.hiddenSize(),
                                sizes.heads(),
                                sizes.keyValueHeads(),
                                sizes.headSize(),
                                sizes.vocabularySize()));
        line(out, "licence", model.licence());
        line(out, "cached", ModelJson.cached(cache.state(model.id())) + cachedBytes(cache.bytes(model.id())));
        line(out, "verified", verified == null ? "no" : verified.date() + ", revision " + verified.revision());
        line(out, "source", model.source());
        line(out, "aliases", model.aliases().isEmpty() ? null : String.join(", ", model.aliases()));
        out.printf("%nmemory%n");
        IntStream.of(Math.min(ModelsCommand.TOKENS, model.contextLength()), model.contextLength())
                .distinct()
                .forEach(tokens -> line(
                        out,
                        "%,d tokens".formatted(tokens),
                        MemoryEstimate.inference(model, tokens).explain()));
    }

    private static String cachedBytes(long bytes) {
        return bytes == 0 ? "" : ", " + ByteText.text(bytes);
    }

    private static void line(PrintWriter out, String name, @Nullable Object value) {
        if (value != null) {
            out.printf("  %-14s %s%n", name, value);
        }
    }
}
