package io.github.mlx4j.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code mlx4j embed}: a line of JSON for each text. */
@Command(
        name = "embed",
        description = "Prints the vector of each text, one JSON object a line.",
        mixinStandardHelpOptions = true)
final class EmbedCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "TEXT",
            arity = "1..*",
            converter = TextArgument.class,
            description = "What to turn into vectors; - is the standard input, as one text.")
    private List<String> texts = List.of();

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            List<float[]> vectors = providers.createEmbeddingAdapter().embed(texts);
            for (int i = 0; i < texts.size(); i++) {
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("text", texts.get(i));
                line.put("vector", vectors.get(i));
                out.println(new JsonMapper().writeValueAsString(line));
            }
        }
        return 0;
    }
}
