package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jChatRequestParameters;
import io.github.mlx4j.langchain4j.Mlx4jEmbeddingModel;
import io.github.mlx4j.langchain4j.Mlx4jStreamingChatModel;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests that cancelling an asynchronous call of LangChain4j (1.20 and newer) ends it in the mlx worker. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LangChain4jCancelAsyncIT {

    private static final ChatRequest STORY = ChatRequest.builder()
            .messages(UserMessage.from(Fixture.STORY))
            .parameters(
                    Mlx4jChatRequestParameters.builder().maxOutputTokens(2000).build())
            .build();

    @Test
    void shouldEndTheWorkersCallWhenItIsCancelled() throws Exception {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        Mlx4jListener listener = new Mlx4jListener() {
            @Override
            public void onStart(ModelCall call) {
                events.add("start");
            }

            @Override
            public void onFirstToken(ModelCall call, Duration after) {
                events.add("token");
            }

            @Override
            public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
                events.add(error instanceof CancelledException ? "cancelled" : error.toString());
            }
        };
        try (ProviderFactory providers = ProviderFactory.create(
                Fixture.config(ProviderKind.MLX).listener(listener).build())) {
            CompletableFuture<?> answer = Mlx4jChatModel.builder(providers.createTextGenerationAdapter())
                    .build()
                    .chatAsync(STORY);
            assertThat(events.take()).isEqualTo("start");
            assertThat(events.take()).isEqualTo("token");
            answer.cancel(true);
            assertThat(events.take()).isEqualTo("cancelled");

            Mlx4jStreamingChatModel.builder(providers.createTextGenerationAdapter())
                    .build()
                    .chat(STORY)
                    .subscribe(new CancelsAtTheFirstEvent());
            assertThat(events.take()).isEqualTo("start");
            assertThat(events.take()).isEqualTo("token");
            assertThat(events.take()).isEqualTo("cancelled");

            CompletableFuture<?> vectors = Mlx4jEmbeddingModel.builder(providers.createEmbeddingAdapter())
                    .build()
                    .embedAsync(EmbeddingRequest.builder()
                            .textSegments(Collections.nCopies(4096, TextSegment.from("word ".repeat(300))))
                            .build());
            assertThat(events.take()).isEqualTo("start");
            vectors.cancel(true);
            assertThat(events.take()).isEqualTo("cancelled");
        }
    }

    private static final class CancelsAtTheFirstEvent implements Flow.Subscriber<ChatModelStreamingEvent> {

        private Flow.Subscription subscription;

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(ChatModelStreamingEvent event) {
            subscription.cancel();
        }

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onComplete() {}
    }
}
