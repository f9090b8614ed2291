package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.Usage;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j generate}: text as it comes, or one JSON object. */
@Command(name = "generate", description = "Generates text and prints it as it comes.", mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "PROMPT",
            converter = TextArgument.class,
            description = "The user's message, or with --raw the text to continue; - reads the standard input.")
    private String prompt;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the user's.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Takes the prompt as it is, without the model's chat template.")
    private boolean raw;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 is greedy; default: what the model's author recommends, else 0.")
    private @Nullable Double temperature;

    @Option(names = "--top-p", paramLabel = "P", description = "Draws from the likeliest tokens that reach P together.")
    private @Nullable Double topP;

    @Option(names = "--top-k", paramLabel = "K", description = "Draws from the K likeliest tokens.")
    private @Nullable Integer topK;

    @Option(names = "--min-p", paramLabel = "P", description = "Draws from tokens with this share of the likeliest's.")
    private @Nullable Double minP;

    @Option(names = "--repetition-penalty", paramLabel = "R", description = "Divides what was said before; 1 is off.")
    private @Nullable Double repetitionPenalty;

    @Option(names = "--presence-penalty", paramLabel = "R", description = "Lowers what the answer has; 0 is off.")
    private @Nullable Double presencePenalty;

    @Option(names = "--frequency-penalty", paramLabel = "R", description = "The same, by how often; 0 is off.")
    private @Nullable Double frequencyPenalty;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "The most tokens to generate; default ${DEFAULT-VALUE}.")
    private int maxTokens = GenerationRequest.DEFAULT_MAX_TOKENS;

    @Option(names = "--seed", paramLabel = "N", description = "Makes a sampled answer repeatable.")
    private @Nullable Long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "Ends the answer where this appears; can be repeated.")
    private List<String> stop = List.of();

    @ArgGroup(exclusive = true)
    private @Nullable Format format;

    @Option(
            names = "--think",
            negatable = true,
            description = "Whether the model thinks first; printed to standard error. Default: as its template has it.")
    private @Nullable Boolean think;

    @Option(
            names = "--logprobs",
            paramLabel = "N",
            description = "With --json: how likely each token was, and the N likeliest in its place.")
    private @Nullable Integer logProbs;

    @Option(
            names = "--json",
            description = "Prints one JSON object at the end: text, thinking, tool calls, usage, timings, backend.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** What the text must be. */
    private static final class Format {
        @Option(names = "--json-schema", paramLabel = "FILE", description = "The answer is JSON of this schema.")
        private @Nullable Path jsonSchema;

        @Option(names = "--regex", paramLabel = "REGEX", description = "The answer matches this regular expression.")
        private @Nullable String regex;

        @Option(names = "--choice", paramLabel = "TEXT", description = "The answer is one of these; can be repeated.")
        private @Nullable List<String> choices;

        ResponseFormat responseFormat() throws IOException {
            if (jsonSchema != null) {
                return ResponseFormat.jsonSchema(Files.readString(jsonSchema));
            }
            return regex != null
                    ? ResponseFormat.regex(regex)
                    : ResponseFormat.choice(Objects.requireNonNullElse(choices, List.of()));
        }
    }

    @Override
    public Integer call() throws Exception {
        GenerationRequest request = request();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        boolean thought = false;
        boolean said = false;
        try (ProviderFactory providers = provider.factory();
                GenerationStream stream = providers.createTextGenerationAdapter().stream(request)) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text text && !json) {
                    err.print(thought ? System.lineSeparator() : "");
                    err.flush();
                    thought = false;
                    out.print(text.text());
                    out.flush();
                    said = true;
                } else if (event instanceof GenerationEvent.Thinking thinking && !json) {
                    err.print(thinking.text());
                    err.flush();
                    thought = true;
                }
            }
            GenerationResult result = stream.result();
            said = false;
            out.println(json ? asJson(result) : "");
            if (request.responseFormat() != null && result.finishReason() == FinishReason.LENGTH) {
                out.flush();
                err.println("mlx4j: The answer is incomplete: the token limit cut it before it had its format."
                        + " What to do: Allow more with --max-tokens.");
                return 1;
            }
        } finally {
            if (said) { // an error follows, on a line of its own
                out.println();
            }
        }
        return 0;
    }

    /** What the options ask for. */
    GenerationRequest request() {
        if (logProbs != null && !json) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--logprobs is for --json only");
        }
        if (raw && system != null) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--system has no meaning with --raw, which uses no chat template");
        }
        checkRanges();
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
        if (minP != null) {
            builder.minP(minP);
        }
        if (repetitionPenalty != null) {
            builder.repetitionPenalty(repetitionPenalty);
        }
        if (presencePenalty != null) {
            builder.presencePenalty(presencePenalty);
        }
        if (frequencyPenalty != null) {
            builder.frequencyPenalty(frequencyPenalty);
        }
        Format wanted = format;
        if (wanted != null) {
            builder.responseFormat(new Usage(spec).of(() -> responseFormat(wanted)));
        }
        if (think != null) {
            builder.thinking(think);
        }
        if (logProbs != null) {
            builder.logProbs(logProbs);
        }
        if (seed != null) {
            builder.seed(seed);
        }
        return builder.build();
    }

    /** The worker has the same ranges, but only once it runs. */
    private void checkRanges() {
        if (stop.contains("")) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--stop must not be empty");
        }
        new Usage(spec)
                .within("--temperature", temperature, 0, 100)
                .above("--top-p", topP, 0, 1)
                .within("--top-k", topK, 0, Integer.MAX_VALUE)
                .within("--min-p", minP, 0, 1)
                .above("--repetition-penalty", repetitionPenalty, 0, 10)
                .within("--presence-penalty", presencePenalty, -10, 10)
                .within("--frequency-penalty", frequencyPenalty, -10, 10)
                .within("--seed", seed, 0, Long.MAX_VALUE)
                .within("--logprobs", logProbs, 0, 20)
                .count("--max-tokens", maxTokens);
    }

    private ResponseFormat responseFormat(Format wanted) {
        try {
            return wanted.responseFormat();
        } catch (IOException unreadable) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--json-schema names a file that can't be read: " + unreadable.getMessage());
        }
    }

    static String asJson(GenerationResult result) throws Exception {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("text", result.text());
        json.put("thinking", result.thinking());
        json.put("toolCalls", result.toolCalls());
        json.put("unreadToolCalls", result.unreadToolCalls());
        json.put("tokens", result.tokens());
        json.put("logProbs", result.logProbs());
        json.put("finishReason", result.finishReason().name().toLowerCase(Locale.ROOT));
        json.put("stop", result.matchedStop());
        result.expert().ifPresent(expert -> json.put("expert", expert));
        json.put("usage", result.usage());
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
        return Json.text(json);
    }
}
