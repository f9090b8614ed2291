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

/** {@code generate}: the params are the request; chunks come before the result. */
public final class Generate {

    private Generate() {}

    /**
     * The call for a request.
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
     * @param text the text; characters are whole
     * @param tokens the ids that this text completes
     * @param logProbs of each of the tokens; empty where not asked for
     */
    public record Chunk(
            int seq,
            String kind,
            @Required String text,
            @Required List<Integer> tokens,
            List<LogProb> logProbs) {

        /** A worker of an older minor version doesn't know the other kind. */
        public Chunk {
            kind = Objects.requireNonNullElse(kind, "text");
        }

        /**
         * The log-probabilities of the tokens, if the request asked for them.
         *
         * @throws IllegalArgumentException if some tokens have none
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
     * A {@link TokenLogProb} without its token, which the chunk has.
     *
     * @param logProb the natural logarithm of the token's probability
     * @param top the most probable tokens in its position
     */
    public record LogProb(double logProb, List<TokenLogProb.Candidate> top) {}

    /**
     * The result. The text itself came in chunks before.
     *
     * @param finishReason why the answer ended
     * @param stop the stop string that ended it, or {@code null}
     * @param chunks how many chunks came before
     * @param usage token counts
     * @param toolCalls the calls that the model made
     * @param expert the expert of a DyLoRA-MoE that answered
     * @param unreadToolCalls calls that can't be parsed
     * @param thinkingIsAnswer whether the chunks of thinking were the answer, which was then sent again as text
     * @param timings where the time went
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

        /** The answer, with the content of the chunks. */
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
