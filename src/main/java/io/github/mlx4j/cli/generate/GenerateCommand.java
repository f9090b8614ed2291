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

/** {@code mlx4j generate}: streams text, or prints one JSON object. */
@Command(
        name = "generate",
        description = "Generate text and print it as it is generated.",
        mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "PROMPT",
            converter = TextArgument.class,
            description = "User message, or with --raw the text to continue; - reads standard input.")
    private String prompt;

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @Option(names = "--system", paramLabel = "TEXT", description = "System message.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Use the prompt as is, without the model's chat template.")
    private boolean raw;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Sampling temperature; 0 is greedy (default: the value in generation_config.json, or 0).")
    private @Nullable Double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Top-p: sample from the most probable tokens whose probabilities add up to P.")
    private @Nullable Double topP;

    @Option(names = "--top-k", paramLabel = "K", description = "Top-k: sample from the K most probable tokens.")
    private @Nullable Integer topK;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Min-p: drop tokens less probable than P times the most probable one.")
    private @Nullable Double minP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "R",
            description = "Penalize tokens already in the text by dividing their logits; 1 disables the penalty.")
    private @Nullable Double repetitionPenalty;

    @Option(
            names = "--presence-penalty",
            paramLabel = "R",
            description = "Lower the logits of tokens that were already generated; 0 disables the penalty.")
    private @Nullable Double presencePenalty;

    @Option(
            names = "--frequency-penalty",
            paramLabel = "R",
            description = "Lower logits in proportion to how often a token was generated; 0 disables the penalty.")
    private @Nullable Double frequencyPenalty;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Maximum number of tokens to generate (default: ${DEFAULT-VALUE}).")
    private int maxTokens = GenerationRequest.DEFAULT_MAX_TOKENS;

    @Option(names = "--seed", paramLabel = "N", description = "Random seed, for reproducible sampling.")
    private @Nullable Long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "Stop generating at this text; can be repeated.")
    private List<String> stop = List.of();

    @ArgGroup(exclusive = true)
    private @Nullable Format format;

    @Option(
            names = "--think",
            negatable = true,
            description =
                    "Turn thinking on or off; thinking is printed to standard error (default: the chat template's).")
    private @Nullable Boolean think;

    @Option(
            names = "--logprobs",
            paramLabel = "N",
            description = "With --json: log probability of each token and of the N most probable alternatives.")
    private @Nullable Integer logProbs;

    @Option(
            names = "--json",
            description = "Print one JSON object at the end: text, thinking, tool calls, usage, timings, backend.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** The response format; at most one of these options. */
    private static final class Format {
        @Option(
                names = "--json-schema",
                paramLabel = "FILE",
                description = "Constrain the answer to JSON that matches this schema.")
        private @Nullable Path jsonSchema;

        @Option(
                names = "--regex",
                paramLabel = "REGEX",
                description = "Constrain the answer to this regular expression.")
        private @Nullable String regex;

        @Option(
                names = "--choice",
                paramLabel = "TEXT",
                description = "Constrain the answer to one of these texts; can be repeated.")
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
                err.println("mlx4j: The answer is incomplete: it reached the token limit before it matched its format."
                        + " What to do: Raise --max-tokens.");
                return 1;
            }
        } finally {
            if (said) { // an error follows, on a line of its own
                out.println();
            }
        }
        return 0;
    }

    /** Builds the request from the options. */
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

    /** Checks ranges before the worker starts; the worker checks the same ranges. */
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
