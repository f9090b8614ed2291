package io.github.mlx4j.adapter;

import io.github.mlx4j.internal.protocol.GenerateParams;
import io.github.mlx4j.internal.protocol.GenerateParams.ChatMessage;
import io.github.mlx4j.internal.protocol.GenerateParams.SamplingParams;
import io.github.mlx4j.internal.protocol.GenerateResult;
import io.github.mlx4j.port.Backend;
import io.github.mlx4j.port.FinishReason;
import io.github.mlx4j.port.GenerationRequest;
import io.github.mlx4j.port.GenerationResult;
import io.github.mlx4j.port.Prompt;
import io.github.mlx4j.port.Sampling;
import io.github.mlx4j.port.Timings;
import io.github.mlx4j.port.Usage;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** From a request to the wire's params, and from the wire's result to an answer. */
final class Requests {

    private Requests() {}

    static GenerateParams params(GenerationRequest request) {
        Sampling sampling = request.sampling();
        SamplingParams how =
                new SamplingParams(sampling.temperature(), sampling.topP(), sampling.topK(), sampling.seed());
        Prompt prompt = request.prompt();
        return new GenerateParams(
                prompt instanceof Prompt.Chat chat ? messages(chat) : null,
                prompt instanceof Prompt.Raw raw ? raw.text() : null,
                prompt instanceof Prompt.Tokens tokens ? tokens.ids() : null,
                how,
                request.stop(),
                request.maxTokens());
    }

    static GenerationResult result(GenerateResult result, String text, List<Integer> tokens, Backend backend) {
        GenerateResult.TimingsMs ms = result.timings();
        return new GenerationResult(
                text,
                tokens,
                FinishReason.valueOf(result.finishReason().toUpperCase(Locale.ROOT)),
                result.stop(),
                new Usage(result.usage().promptTokens(), result.usage().completionTokens()),
                new Timings(
                        duration(ms.queueMs()),
                        duration(ms.prefillMs()),
                        duration(ms.firstTokenMs()),
                        duration(ms.decodeMs())),
                backend);
    }

    private static List<ChatMessage> messages(Prompt.Chat chat) {
        return chat.messages().stream()
                .map(m -> new ChatMessage(m.role().name().toLowerCase(Locale.ROOT), m.content()))
                .toList();
    }

    private static Duration duration(double ms) {
        return Duration.ofNanos(Math.round(ms * 1_000_000));
    }
}
