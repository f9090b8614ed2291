package io.github.mlx4j.internal.protocol;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.provider.Backend;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** {@code generate}: the params are the request; chunks precede the result. */
public final class Generate {

    private Generate() {}

    /**
     * Returns the call for a request.
     *
     * @throws InvalidRequestException for text that must be a JSON object but isn't, and for numbers in a schema that
     *     are out of range
     */
    public static WorkerCall<Result> call(GenerationRequest request) {
        return WorkerCall.of(Method.GENERATE, request, Result.class);
    }

    /**
     * The notification {@code chunk}: a piece of the answer.
     *
     * @param seq counts from 0 without gaps
     * @param kind {@code text} or {@code thinking}
     * @param text the text, without partial characters
     * @param tokens the IDs of the tokens that this text completes
     * @param logProbs the log-probabilities of the tokens; empty if not requested
     */
    public record Chunk(
            int seq,
            String kind,
            @Required String text,
            @Required List<Integer> tokens,
            List<LogProb> logProbs) {

        /** Sets the default kind, which a worker of an older minor version omits. */
        public Chunk {
            kind = Objects.requireNonNullElse(kind, "text");
        }

        /**
         * Returns the log-probabilities of the tokens, if the request asked for them.
         *
         * @throws IllegalArgumentException if they are missing for some tokens
         */
        public List<TokenLogProb> tokenLogProbs() {
            if (!logProbs.isEmpty() && logProbs.size() != tokens.size()) {
                throw new IllegalArgumentException(
                        "a chunk of %d tokens has %d log-probabilities".formatted(tokens.size(), logProbs.size()));
            }
            return IntStream.range(0, logProbs.size())
                    .mapToObj(i -> new TokenLogProb(
                            tokens.get(i),
                            logProbs.get(i).logProb(),
                            logProbs.get(i).top()))
                    .toList();
        }
    }

    /**
     * A {@link TokenLogProb} without its token, which is in the chunk.
     *
     * @param logProb the natural logarithm of the token's probability
     * @param top the most probable tokens at its position
     */
    public record LogProb(double logProb, List<TokenLogProb.Candidate> top) {}

    /**
     * The result, without the text, which precedes it in chunks.
     *
     * @param finishReason why the answer ended
     * @param stop the stop string that ended it, or {@code null}
     * @param chunks the number of preceding chunks
     * @param usage token counts
     * @param toolCalls the model's tool calls
     * @param expert the expert of a DyLoRA-MoE that answered
     * @param unreadToolCalls tool calls that can't be parsed
     * @param thinkingIsAnswer whether the thinking chunks were in fact the answer, which was then sent again as text
     * @param timings how long each phase took
     */
    public record Result(
            @Required FinishReason finishReason,
            @Nullable String stop,
            int chunks,
            @Required Usage usage,
            List<ToolCall> toolCalls,
            @Nullable String expert,
            List<MalformedToolCall> unreadToolCalls,
            boolean thinkingIsAnswer,
            @Required Timings timings) {

        /** Returns the complete result, with the content of the chunks. */
        public GenerationResult answer(
                String text, String thinking, List<Integer> tokens, List<TokenLogProb> logProbs, Backend backend) {
            return new GenerationResult(
                    text,
                    thinking,
                    toolCalls,
                    unreadToolCalls,
                    tokens,
                    logProbs,
                    finishReason,
                    stop,
                    usage,
                    timings,
                    backend,
                    expert);
        }
    }
}
