package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.EmbeddingPort;
import io.github.mlx4j.port.TokenizerPort;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class VectorsAndTokensTest {

    @Test
    void shouldGiveAVectorForEachTextInTheirOrder() {
        EmbeddingModel model = Mlx4jEmbeddingModel.builder(texts -> texts.stream()
                        .map(text -> new float[] {text.length(), 1})
                        .toList())
                .modelName("m")
                .build();

        assertThat(model.embedAll(List.of(TextSegment.from("a"), TextSegment.from("bcd")))
                        .content())
                .containsExactly(Embedding.from(new float[] {1, 1}), Embedding.from(new float[] {3, 1}));
        assertThat(model.dimension()).isEqualTo(2);
        assertThat(model.modelName()).isEqualTo("m");
    }

    @Test
    void shouldAskInPartsWhenThereAreMoreTextsThanAPortTakes() {
        List<Integer> asked = new ArrayList<>();
        EmbeddingModel model = Mlx4jEmbeddingModel.builder(texts -> {
                    asked.add(texts.size());
                    return Collections.nCopies(texts.size(), new float[] {1});
                })
                .build();

        assertThat(model.embedAll(Collections.nCopies(5000, TextSegment.from("a")))
                        .content())
                .hasSize(5000);
        assertThat(asked).containsExactly(4096, 904);
    }

    @Test
    void shouldPutThePromptOfTheInputTypeBeforeTexts() {
        EmbeddingPort port = new EmbeddingPort() {
            @Override
            public List<float[]> embed(List<String> texts) {
                return List.of(new float[] {0});
            }

            @Override
            public List<float[]> embed(List<String> texts, String promptName) {
                return List.of(new float[] {promptName.length()});
            }
        };

        EmbeddingModel model = Mlx4jEmbeddingModel.builder(port).build();
        EmbeddingModel passages =
                Mlx4jEmbeddingModel.builder(port).promptName("passage").build();

        assertThat(embed(model, null)).containsExactly(0);
        assertThat(embed(model, EmbeddingInputType.QUERY)).containsExactly("query".length());
        assertThat(embed(model, EmbeddingInputType.DOCUMENT)).containsExactly("document".length());
        assertThat(embed(passages, null)).containsExactly("passage".length());
        assertThat(embed(passages, EmbeddingInputType.QUERY)).containsExactly("query".length());
    }

    @Test
    void shouldRefuseAnInputTypeWhenThePortKnowsNoPrompts() {
        EmbeddingModel model =
                Mlx4jEmbeddingModel.builder(texts -> List.of(new float[] {0})).build();

        assertThatExceptionOfType(UnsupportedFeatureException.class)
                .isThrownBy(() -> embed(model, EmbeddingInputType.QUERY))
                .withMessageContaining("query");
    }

    private static float[] embed(EmbeddingModel model, @Nullable EmbeddingInputType type) {
        EmbeddingRequest request = EmbeddingRequest.builder()
                .input(EmbeddingInput.from("a"))
                .inputType(type)
                .build();
        return model.embed(request).embeddings().get(0).vector();
    }

    @Test
    void shouldThrowLangChain4jsExceptionWhenVectorsFail() {
        EmbeddingModel model = Mlx4jEmbeddingModel.builder(texts -> {
                    throw new WorkerDiedException("died", "", 1, "");
                })
                .build();

        assertThatExceptionOfType(InternalServerException.class)
                .isThrownBy(() -> model.embed("a"))
                .withCauseInstanceOf(WorkerDiedException.class);
    }

    @Test
    void shouldGiveVectorsLaterAndFailLater() throws Exception {
        EmbeddingRequest request =
                EmbeddingRequest.builder().input(EmbeddingInput.from("a")).build();
        Mlx4jEmbeddingModel model = Mlx4jEmbeddingModel.builder(texts -> List.of(new float[] {3}))
                .modelName("m")
                .build();
        Mlx4jEmbeddingModel dying = Mlx4jEmbeddingModel.builder(texts -> {
                    throw new WorkerDiedException("died", "", 1, "");
                })
                .build();

        EmbeddingResponse response = model.doEmbedAsync(request).get(10, TimeUnit.SECONDS);

        assertThat(response.embeddings()).containsExactly(Embedding.from(new float[] {3}));
        assertThat(response.metadata().modelName()).isEqualTo("m");
        assertThat(dying.doEmbedAsync(request))
                .failsWithin(Duration.ofSeconds(10))
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(InternalServerException.class);
    }

    @Test
    void shouldInterruptTheCallWhenTheFutureIsCancelledButNotContinuations() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        EmbeddingRequest request =
                EmbeddingRequest.builder().input(EmbeddingInput.from("a")).build();
        Mlx4jEmbeddingModel waiting = Mlx4jEmbeddingModel.builder(texts -> {
                    called.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException interrupt) {
                        interrupted.complete(true);
                    }
                    throw new CancelledException("cancelled", "");
                })
                .build();

        CompletableFuture<EmbeddingResponse> future = waiting.doEmbedAsync(request);
        called.await();
        future.cancel(true);

        assertThat(interrupted).succeedsWithin(Duration.ofSeconds(10));

        CountDownLatch attached = new CountDownLatch(1);
        CompletableFuture<Boolean> flag = Mlx4jEmbeddingModel.builder(texts -> {
                    await(attached);
                    return List.of(new float[] {1});
                })
                .build()
                .doEmbedAsync(request)
                .thenApply(response -> Thread.currentThread().isInterrupted());
        attached.countDown();
        assertThat(flag).succeedsWithin(Duration.ofSeconds(10)).isEqualTo(false);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupt) {
            throw new IllegalStateException(interrupt);
        }
    }

    @Test
    void shouldCountTextRawAndMessagesWithTheirTemplate() {
        TokenCountEstimator tokens = new Mlx4jTokenCountEstimator(new Letters(false));

        assertThat(tokens.estimateTokenCountInText("abc")).isEqualTo(3);
        assertThat(tokens.estimateTokenCountInText("")).isZero();
        assertThat(tokens.estimateTokenCountInMessage(UserMessage.from("abc"))).isEqualTo(103);
        assertThat(tokens.estimateTokenCountInMessages(List.of(SystemMessage.from("ab"), UserMessage.from("abc"))))
                .isEqualTo(105);
        assertThat(tokens.estimateTokenCountInMessages(List.of())).isZero();
    }

    @Test
    void shouldCountTheTextsWhenTheTemplateRefusesTheMessages() {
        TokenCountEstimator tokens = new Mlx4jTokenCountEstimator(new Letters(true));

        assertThat(tokens.estimateTokenCountInMessages(List.of(SystemMessage.from("ab"), UserMessage.from("abc"))))
                .isEqualTo(5);
    }

    /** A tokenizer with one token per letter, and a chat template of a hundred tokens. */
    private record Letters(boolean refusesChats) implements TokenizerPort {

        @Override
        public List<Integer> tokenize(GenerationRequest request) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int countTokens(GenerationRequest request) {
            if (request.prompt() instanceof Prompt.Raw raw) {
                return raw.text().length();
            }
            if (refusesChats) {
                throw new InvalidRequestException("The chat template refuses the messages.", "");
            }
            return 100
                    + ((Prompt.Chat) request.prompt())
                            .messages().stream()
                                    .map(Message::content)
                                    .mapToInt(String::length)
                                    .sum();
        }

        @Override
        public String applyTemplate(GenerationRequest request) {
            throw new UnsupportedOperationException();
        }
    }
}
