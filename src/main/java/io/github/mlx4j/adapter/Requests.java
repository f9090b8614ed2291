package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.ToolSpec;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.internal.protocol.Bounds;
import io.github.mlx4j.internal.protocol.Chunk;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.GenerateParams;
import io.github.mlx4j.internal.protocol.GenerateParams.ChatMessage;
import io.github.mlx4j.internal.protocol.GenerateParams.ResponseFormatParams;
import io.github.mlx4j.internal.protocol.GenerateParams.SamplingParams;
import io.github.mlx4j.internal.protocol.GenerateParams.ToolParams;
import io.github.mlx4j.internal.protocol.GenerateResult;
import io.github.mlx4j.internal.protocol.PromptParams;
import io.github.mlx4j.internal.protocol.RerankParams;
import io.github.mlx4j.internal.protocol.ScoreParams;
import io.github.mlx4j.internal.protocol.ToolCallData;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.provider.Backend;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** From a request to the wire's params, and from the wire's result to an answer. */
final class Requests {

    private Requests() {}

    /**
     * The params of a request.
     *
     * @throws InvalidRequestException for text that has to be a JSON object, but is none
     */
    static GenerateParams params(GenerationRequest request) {
        Prompt prompt = request.prompt();
        return new GenerateParams(
                messages(prompt),
                prompt instanceof Prompt.Raw raw ? raw.text() : null,
                prompt instanceof Prompt.Tokens tokens ? tokens.ids() : null,
                sampling(request.sampling()),
                request.stop(),
                request.maxTokens(),
                responseFormat(request.responseFormat()),
                tools(request.tools()),
                request.thinking(),
                request.logProbs(),
                request.cacheSalt());
    }

    /**
     * What a request's prompt is made of, without token ids.
     *
     * @throws InvalidRequestException for text that has to be a JSON object, but is none
     */
    static PromptParams prompt(GenerationRequest request) {
        Prompt prompt = request.prompt();
        return new PromptParams(
                messages(prompt),
                prompt instanceof Prompt.Raw raw ? raw.text() : null,
                tools(request.tools()),
                request.thinking());
    }

    /** The params of a request to rerank. */
    static RerankParams rerank(RerankRequest request) {
        return new RerankParams(request.query(), request.documents(), request.instruction(), request.truncate());
    }

    /**
     * A request's prompt, of any kind, with what follows it.
     *
     * @throws InvalidRequestException for text that has to be a JSON object, but is none
     */
    static ScoreParams score(GenerationRequest request, String completion) {
        Prompt prompt = request.prompt();
        return new ScoreParams(
                messages(prompt),
                prompt instanceof Prompt.Raw raw ? raw.text() : null,
                prompt instanceof Prompt.Tokens tokens ? tokens.ids() : null,
                tools(request.tools()),
                request.thinking(),
                completion);
    }

    /** The answer, of its result and what was collected before it. */
    static GenerationResult result(
            GenerateResult result,
            String text,
            String thinking,
            List<Integer> tokens,
            List<TokenLogProb> logProbs,
            Backend backend) {
        GenerateResult.TimingsMs ms = result.timings();
        GenerateResult.TokenUsage usage = result.usage();
        return new GenerationResult(
                text,
                thinking,
                result.toolCalls().stream()
                        .map(call -> new ToolCall(
                                call.id(), call.name(), call.arguments().toString()))
                        .toList(),
                result.unreadToolCalls().stream()
                        .map(call -> new MalformedToolCall(call.text(), call.reason()))
                        .toList(),
                tokens,
                logProbs,
                finishReason(result.finishReason()),
                result.stop(),
                new Usage(
                        usage.promptTokens(),
                        usage.completionTokens(),
                        usage.cachedTokens(),
                        usage.thinkingTokens(),
                        usage.draftedTokens()),
                new Timings(
                        duration(ms.queueMs()),
                        duration(ms.prefillMs()),
                        duration(ms.firstTokenMs()),
                        duration(ms.decodeMs())),
                backend,
                result.expert());
    }

    /**
     * How likely a chunk's tokens were, if that was asked for.
     *
     * @throws IllegalArgumentException if it is not said of each token
     */
    static List<TokenLogProb> logProbs(Chunk chunk) {
        List<Chunk.LogProbData> given = chunk.logProbs();
        if (given.isEmpty()) {
            return List.of();
        }
        if (given.size() != chunk.tokens().size()) {
            throw new IllegalArgumentException("a chunk of %d tokens has %d log-probabilities"
                    .formatted(chunk.tokens().size(), given.size()));
        }
        return IntStream.range(0, given.size())
                .mapToObj(i -> new TokenLogProb(
                        chunk.tokens().get(i),
                        given.get(i).logProb(),
                        given.get(i).top().stream()
                                .map(top -> new TokenLogProb.Candidate(top.token(), top.text(), top.logProb()))
                                .toList()))
                .toList();
    }

    private static FinishReason finishReason(String reason) {
        return switch (reason) {
            case "stop" -> FinishReason.STOP;
            case "toolCalls" -> FinishReason.TOOL_CALLS;
            case "length" -> FinishReason.LENGTH;
            default -> throw new IllegalArgumentException("there is no finishReason " + reason);
        };
    }

    private static @Nullable List<ChatMessage> messages(Prompt prompt) {
        return prompt instanceof Prompt.Chat chat
                ? chat.messages().stream().map(Requests::message).toList()
                : null;
    }

    private static ChatMessage message(Message message) {
        List<ToolCallData> calls = message.toolCalls().stream()
                .map(call -> new ToolCallData(
                        call.id(),
                        call.name(),
                        object("The arguments of the call of " + call.name(), call.arguments())))
                .toList();
        return new ChatMessage(
                message.role().name().toLowerCase(Locale.ROOT),
                message.content(),
                calls.isEmpty() ? null : calls,
                message.toolCallId());
    }

    private static SamplingParams sampling(Sampling sampling) {
        return new SamplingParams(
                sampling.temperature(),
                sampling.topP(),
                sampling.topK(),
                sampling.minP(),
                sampling.seed(),
                sampling.repetitionPenalty(),
                sampling.presencePenalty(),
                sampling.frequencyPenalty(),
                sampling.logitBias().isEmpty() ? null : sampling.logitBias());
    }

    private static @Nullable ResponseFormatParams responseFormat(@Nullable ResponseFormat format) {
        if (format instanceof ResponseFormat.JsonSchema json) {
            JsonNode schema = object("The response format's schema", json.schema());
            Codec.unsafeNumber(schema).ifPresent(number -> {
                throw new InvalidRequestException(
                        "The response format's schema has the number %s, but the numbers of a schema must be between %,d and %,d."
                                .formatted(number, -Bounds.MAX_SCHEMA_NUMBER, Bounds.MAX_SCHEMA_NUMBER),
                        "Use a number in this range, or leave it out.");
            });
            return new ResponseFormatParams("jsonSchema", schema, null, null);
        }
        if (format instanceof ResponseFormat.Regex regex) {
            return new ResponseFormatParams("regex", null, regex.pattern(), null);
        }
        if (format instanceof ResponseFormat.Choice choice) {
            return new ResponseFormatParams("choice", null, null, choice.choices());
        }
        return format == null ? null : new ResponseFormatParams("json", null, null, null);
    }

    private static @Nullable List<ToolParams> tools(List<ToolSpec> tools) {
        return tools.isEmpty() ? null : tools.stream().map(Requests::tool).toList();
    }

    private static ToolParams tool(ToolSpec tool) {
        String parameters = tool.parameters();
        return new ToolParams(
                tool.name(),
                tool.description(),
                parameters == null ? null : object("The parameters of the tool " + tool.name(), parameters));
    }

    private static JsonNode object(String what, String json) {
        try {
            return Codec.object(json);
        } catch (IllegalArgumentException error) {
            throw new InvalidRequestException(
                    what + " must be a JSON object: " + error.getMessage(), "Correct the JSON.", error);
        }
    }

    private static Duration duration(double ms) {
        return Duration.ofNanos(Math.round(ms * 1_000_000));
    }
}
