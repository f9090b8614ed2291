package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.output.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code mlx4j tokens}: the number and ids of the tokens in a text. */
@Command(
        name = "tokens",
        description = "Print the number of tokens in a text and their ids, as JSON.",
        mixinStandardHelpOptions = true)
public final class TokensCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "TEXT",
            converter = TextArgument.class,
            description = "Text to tokenize, without a chat template; - reads standard input.")
    private String text;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        try (ProviderFactory providers = provider.factory()) {
            List<Integer> tokens = providers.createTokenizer().tokenize(text);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("count", tokens.size());
            json.put("tokens", tokens);
            spec.commandLine().getOut().println(Json.line(json));
        }
        return 0;
    }
}
