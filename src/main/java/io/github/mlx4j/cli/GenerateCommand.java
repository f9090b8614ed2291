package io.github.mlx4j.cli;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.port.GenerationEvent;
import io.github.mlx4j.port.GenerationRequest;
import io.github.mlx4j.port.GenerationResult;
import io.github.mlx4j.port.GenerationStream;
import io.github.mlx4j.port.Prompt;
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

/** {@code mlx4j generate}: text as it comes, or one JSON object. */
@Command(name = "generate", description = "Generates text and prints it as it comes.", mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {

    @Parameters(paramLabel = "PROMPT", description = "The user's message, or with --raw the text to continue.")
    @SuppressWarnings("NullAway.Init")
    private String prompt;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the user's.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Takes the prompt as it is, without the model's chat template.")
    private boolean raw;

    @Option(names = "--temperature", paramLabel = "T", description = "0 is greedy (default); 1 is the model's own.")
    private @Nullable Double temperature;

    @Option(names = "--top-p", paramLabel = "P", description = "Draws from the likeliest tokens that reach P together.")
    private @Nullable Double topP;

    @Option(names = "--top-k", paramLabel = "K", description = "Draws from the K likeliest tokens.")
    private @Nullable Integer topK;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "The most tokens to generate; default ${DEFAULT-VALUE}.")
    private int maxTokens = GenerationRequest.DEFAULT_MAX_TOKENS;

    @Option(names = "--seed", paramLabel = "N", description = "Makes a sampled answer repeatable.")
    private @Nullable Long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "Ends the answer where this appears; can be repeated.")
    private List<String> stop = List.of();

    @Option(names = "--json", description = "Prints one JSON object at the end: text, usage, timings, backend.")
    private boolean json;

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        GenerationRequest request = request();
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory();
                GenerationStream stream = providers.createTextGenerationAdapter().stream(request)) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text text && !json) {
                    out.print(text.text());
                    out.flush();
                }
            }
            out.println(json ? asJson(stream.result()) : "");
        }
        return 0;
    }

    private GenerationRequest request() {
        if (raw && system != null) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--system has no meaning with --raw, which uses no chat template");
        }
        GenerationRequest.Builder builder =
                GenerationRequest.builder().maxTokens(maxTokens).stop(stop);
        if (raw) {
            builder.prompt(new Prompt.Raw(prompt));
        } else {
            if (system != null) {
                builder.system(system);
            }
            builder.user(prompt);
        }
        if (temperature != null) {
            builder.temperature(temperature);
        }
        if (topP != null) {
            builder.topP(topP);
        }
        if (topK != null) {
            builder.topK(topK);
        }
        if (seed != null) {
            builder.seed(seed);
        }
        return builder.build();
    }

    private static String asJson(GenerationResult result) throws Exception {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("text", result.text());
        json.put("tokens", result.tokens());
        json.put("finishReason", result.finishReason().name().toLowerCase(Locale.ROOT));
        json.put("stop", result.matchedStop());
        json.put(
                "usage",
                Map.of(
                        "promptTokens", result.usage().promptTokens(),
                        "completionTokens", result.usage().completionTokens()));
        Map<String, Object> ms = new LinkedHashMap<>();
        ms.put("queueMs", result.timings().queue().toNanos() / 1e6);
        ms.put("prefillMs", result.timings().prefill().toNanos() / 1e6);
        ms.put("firstTokenMs", result.timings().firstToken().toNanos() / 1e6);
        ms.put("decodeMs", result.timings().decode().toNanos() / 1e6);
        json.put("timings", ms);
        json.put(
                "backend",
                Map.of(
                        "provider", result.backend().provider().id(),
                        "model", result.backend().model(),
                        "device", result.backend().device()));
        return JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(json);
    }
}
