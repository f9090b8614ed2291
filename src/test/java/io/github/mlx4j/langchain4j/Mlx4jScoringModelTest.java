package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.aggregator.ReRankingContentAggregator;
import dev.langchain4j.rag.query.Query;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankRequest;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class Mlx4jScoringModelTest {

    private final List<RerankRequest> asked = new ArrayList<>();

    /** The score of a document is its length. */
    private final RerankPort lengths = request -> {
        asked.add(request);
        return new RerankResult(
                request.documents().stream().map(text -> (double) text.length()).toList(),
                false,
                7,
                new Backend(ProviderKind.MLX, "m", "cpu"));
    };

    @Test
    void shouldGiveAScoreForEachSegmentInTheirOrder() {
        ScoringModel model = Mlx4jScoringModel.builder(lengths).build();

        Response<List<Double>> scores = model.scoreAll(List.of(TextSegment.from("a"), TextSegment.from("bcd")), "Why?");

        assertThat(scores.content()).containsExactly(1.0, 3.0);
        assertThat(scores.tokenUsage()).isEqualTo(new TokenUsage(7, 0));
        assertThat(asked).containsExactly(RerankRequest.of("Why?", List.of("a", "bcd")));
        assertThat(model.score("ab", "Why?").content()).isEqualTo(2.0);
    }

    @Test
    void shouldPassTheInstructionAndTheTruncationOn() {
        Mlx4jScoringModel.builder(lengths)
                .instruction("Judge")
                .truncate(true)
                .build()
                .score("a", "Why?");

        assertThat(asked)
                .containsExactly(RerankRequest.builder("Why?", List.of("a"))
                        .instruction("Judge")
                        .truncate(true)
                        .build());
    }

    @Test
    void shouldAskInPartsWhenThereAreMoreSegmentsThanAPortTakes() {
        ScoringModel model = Mlx4jScoringModel.builder(lengths).build();

        assertThat(model.scoreAll(Collections.nCopies(1500, TextSegment.from("a")), "Why?")
                        .content())
                .hasSize(1500);
        assertThat(asked).extracting(request -> request.documents().size()).containsExactly(1024, 476);
        assertThat(model.scoreAll(List.of(), "Why?").content()).isEmpty();
    }

    @Test
    void shouldThrowLangChain4jsExceptionWhenTheModelIsNoReranker() {
        ScoringModel model = Mlx4jScoringModel.builder(request -> {
                    throw new NotSupportedException("not a reranker", "");
                })
                .build();

        assertThatExceptionOfType(UnsupportedFeatureException.class)
                .isThrownBy(() -> model.score("a", "Why?"))
                .withCauseInstanceOf(NotSupportedException.class);
    }

    @Test
    void shouldOrderWhatARetrieverFound() {
        ReRankingContentAggregator aggregator = new ReRankingContentAggregator(
                Mlx4jScoringModel.builder(lengths).build());

        List<Content> ranked = aggregator.aggregate(Map.of(
                Query.from("Why?"), List.of(List.of(Content.from("a"), Content.from("abc"), Content.from("ab")))));

        assertThat(ranked).extracting(content -> content.textSegment().text()).containsExactly("abc", "ab", "a");
    }
}
