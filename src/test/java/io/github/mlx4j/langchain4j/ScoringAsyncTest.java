package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.langchain4j.model.scoring.request.DefaultScoringRequestParameters;
import dev.langchain4j.model.scoring.request.ScoringRequest;
import dev.langchain4j.model.scoring.response.ScoringResponse;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.port.RerankPort;
import io.github.mlx4j.port.RerankResult;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests features that exist since LangChain4j 1.20. */
@Timeout(30)
class ScoringAsyncTest {

    private static final Duration TEN_SECONDS = Duration.ofSeconds(10);

    private static final RerankPort LENGTHS = request -> new RerankResult(
            request.documents().stream().map(text -> (double) text.length()).toList(),
            false,
            7,
            new Backend(ProviderKind.MLX, "m", "cpu"));

    @Test
    void shouldScoreLaterWithModelAndUsage() throws Exception {
        ScoringModel model = Mlx4jScoringModel.builder(LENGTHS).build();

        ScoringResponse response =
                model.scoreAsync(request(List.of("a", "bcd"))).get(10, TimeUnit.SECONDS);
        ScoringResponse many =
                model.scoreAsync(request(Collections.nCopies(1500, "a"))).get(10, TimeUnit.SECONDS);

        assertThat(response.scores()).containsExactly(1.0, 3.0);
        assertThat(response.modelName()).isEqualTo("m");
        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(7, 0));
        assertThat(many.scores()).hasSize(1500);
        assertThat(many.tokenUsage()).isEqualTo(new TokenUsage(14, 0));
        assertThat(model.scoreAsync(request(List.of()))
                        .get(10, TimeUnit.SECONDS)
                        .scores())
                .isEmpty();
    }

    @Test
    void shouldFailLaterWithLangChain4jsExceptions() {
        ScoringModel none = Mlx4jScoringModel.builder(request -> {
                    throw new NotSupportedException("not a reranker", "");
                })
                .build();
        ScoringRequest other = ScoringRequest.builder()
                .documents(List.of("a"))
                .query("Why?")
                .parameters(DefaultScoringRequestParameters.builder()
                        .modelName("other")
                        .build())
                .build();

        assertThat(none.scoreAsync(request(List.of("a"))))
                .failsWithin(TEN_SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(UnsupportedFeatureException.class)
                .withMessageContaining("not a reranker");
        assertThat(Mlx4jScoringModel.builder(LENGTHS).build().scoreAsync(other))
                .failsWithin(TEN_SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(UnsupportedFeatureException.class)
                .withMessageContaining("modelName");
    }

    @Test
    void shouldCancelTheCallWhenTheFutureIsCancelled() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        ScoringModel waiting = Mlx4jScoringModel.builder(request -> {
                    called.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException interrupt) {
                        interrupted.complete(true);
                    }
                    throw new CancelledException("cancelled", "");
                })
                .build();

        CompletableFuture<ScoringResponse> future = waiting.scoreAsync(request(List.of("a")));
        called.await();
        future.cancel(true);

        assertThat(interrupted).succeedsWithin(TEN_SECONDS);
    }

    private static ScoringRequest request(List<String> documents) {
        return ScoringRequest.builder().documents(documents).query("Why?").build();
    }
}
