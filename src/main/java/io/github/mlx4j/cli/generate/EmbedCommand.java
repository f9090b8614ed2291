package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j embed}: one line of JSON per text. */
@Command(
        name = "embed",
        description = "Print the embedding of each text and its pooling method, one JSON object per line.",
        mixinStandardHelpOptions = true)
public final class EmbedCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "TEXT",
            arity = "1..*",
            converter = TextArgument.class,
            description = "Text to embed; - reads all of standard input as one text.")
    private List<String> texts = List.of();

    @Option(
            names = "--prompt-name",
            paramLabel = "NAME",
            description = "Named prompt of the model to prepend to each text, such as query or document"
                    + " (default: the model's default prompt, if it has one).")
    private @Nullable String promptName;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            EmbeddingPort port = providers.createEmbeddingAdapter();
            List<float[]> vectors = promptName == null ? port.embed(texts) : port.embed(texts, promptName);
            Optional<String> pooling = pooling(port);
            for (int i = 0; i < texts.size(); i++) {
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("text", texts.get(i));
                pooling.ifPresent(summary -> line.put("pooling", summary));
                line.put("vector", vectors.get(i));
                out.println(Json.line(line));
            }
        }
        return 0;
    }

    /** Returns the pooling method of a local model; remote providers don't report it. */
    private static Optional<String> pooling(EmbeddingPort port) {
        return port instanceof ModelAnalysisPort model
                ? model.details().embeddings().map(EmbeddingDetails::summary)
                : Optional.empty();
    }
}
