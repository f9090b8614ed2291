package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j rerank}: sorts documents by relevance to a query. */
@Command(
        name = "rerank",
        description = "Score documents by their relevance to a query and print them, most relevant first.",
        mixinStandardHelpOptions = true)
public final class RerankCommand implements Callable<Integer> {

    @Parameters(
            index = "0",
            paramLabel = "QUERY",
            converter = TextArgument.class,
            description = "Query to score the documents against; - reads standard input.")
    private String query;

    @Parameters(
            index = "1..*",
            paramLabel = "DOCUMENT",
            arity = "1..*",
            converter = TextArgument.class,
            description = "Documents to score.")
    private List<String> documents = List.of();

    @Option(
            names = "--instruction",
            paramLabel = "TEXT",
            description = "Reranking task in one sentence (default: the model's own).")
    private @Nullable String instruction;

    @Option(names = "--truncate", description = "Truncate documents that are too long for the model.")
    private boolean truncate;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            RerankResult result =
                    providers.createRerankAdapter().rerank(new RerankRequest(query, documents, instruction, truncate));
            if (json) {
                out.println(TaskOptions.asJson(asJson(result)));
            } else {
                result.ranked()
                        .forEach(one -> out.println(
                                String.format(Locale.ROOT, "%.4f  %s", one.score(), documents.get(one.index()))));
            }
        }
        return 0;
    }

    private Map<String, Object> asJson(RerankResult result) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("query", query);
        values.put("provider", result.backend().provider().id());
        values.put("model", result.backend().model());
        values.put("probabilities", result.probabilities());
        values.put("promptTokens", result.promptTokens());
        values.put(
                "documents",
                result.ranked().stream()
                        .map(one -> {
                            Map<String, Object> document = new LinkedHashMap<>();
                            document.put("index", one.index());
                            document.put("score", one.score());
                            document.put("text", documents.get(one.index()));
                            return document;
                        })
                        .toList());
        return values;
    }
}
