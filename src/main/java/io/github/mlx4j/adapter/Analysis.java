package io.github.mlx4j.adapter;

import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.internal.protocol.ActionsResult;
import io.github.mlx4j.internal.protocol.GenerateParams.SamplingParams;
import io.github.mlx4j.internal.protocol.ModelEmbeddings;
import io.github.mlx4j.internal.protocol.ModelInfo;
import io.github.mlx4j.internal.protocol.ParametersResult;
import io.github.mlx4j.internal.protocol.RerankScores;
import io.github.mlx4j.internal.protocol.ScoreResult;
import io.github.mlx4j.port.Action;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** From the wire's results to what a caller is told of a model. What it can't read is no sound answer. */
final class Analysis {

    private Analysis() {}

    static ModelDetails details(ProviderKind kind, ModelInfo info) {
        return new ModelDetails(
                backend(kind, info),
                info.format(),
                Optional.ofNullable(info.base()),
                Optional.ofNullable(info.adapter()),
                info.experts(),
                info.dtype(),
                optional(info.contextLength()),
                info.vocabularySize(),
                info.chat(),
                info.concurrent(),
                info.capabilities(),
                sampling(info.samplingDefaults()),
                info.memory().activeBytes(),
                Optional.ofNullable(info.embeddings()).map(Analysis::embeddings),
                info.warnings(),
                info.packages());
    }

    static Backend backend(ProviderKind kind, ModelInfo info) {
        return new Backend(kind, info.model(), info.device());
    }

    /** The scores of so many documents. */
    static RerankResult reranked(RerankScores result, int documents, Backend backend) {
        if (result.scores().size() != documents) {
            throw new IllegalArgumentException(
                    "%d documents have scores, of %d".formatted(result.scores().size(), documents));
        }
        return new RerankResult(result.scores(), result.probabilities(), result.promptTokens(), backend);
    }

    static EmbeddingDetails embeddings(ModelEmbeddings told) {
        return new EmbeddingDetails(
                told.pooling(),
                EmbeddingDetails.Origin.valueOf(told.origin().toUpperCase(Locale.ROOT)),
                told.modules(),
                told.prompts(),
                Optional.ofNullable(told.defaultPrompt()),
                optional(told.maxTokens()),
                optional(told.dimensions()));
    }

    private static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }

    static Score score(ScoreResult result) {
        return new Score(result.promptTokens(), result.tokens(), result.logProbs(), result.greedy());
    }

    static List<Parameter> parameters(ParametersResult result) {
        return result.parameters().stream()
                .map(one -> new Parameter(one.name(), one.shape(), one.dtype()))
                .toList();
    }

    /** The logits of one text. */
    static Map<Action, Double> actions(ActionsResult result) {
        if (result.logits().size() != 1) {
            throw new IllegalArgumentException(
                    "%d texts have logits, of 1".formatted(result.logits().size()));
        }
        Map<Action, Double> logits = new EnumMap<>(Action.class);
        IntStream.range(0, result.actions().size())
                .forEach(i -> logits.put(
                        Action.valueOf(result.actions().get(i)),
                        result.logits().get(0).get(i)));
        if (logits.size() != Action.values().length) {
            throw new IllegalArgumentException("there are logits of %s only".formatted(logits.keySet()));
        }
        return Collections.unmodifiableMap(logits);
    }

    private static Sampling sampling(SamplingParams author) {
        return new Sampling(
                author.temperature(),
                author.topP(),
                author.topK(),
                author.minP(),
                author.seed(),
                author.repetitionPenalty(),
                author.presencePenalty(),
                author.frequencyPenalty(),
                Objects.requireNonNullElse(author.logitBias(), Map.of()));
    }
}
