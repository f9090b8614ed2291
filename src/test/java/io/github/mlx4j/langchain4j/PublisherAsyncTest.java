package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelPublisherListenerTest;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ClientMemoryException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.testing.ScriptedAnswer;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the publishers and listeners of asynchronous calls, which exist since LangChain4j 1.20. */
@Timeout(60)
class PublisherAsyncTest {

    private static final ScriptedAnswer ANSWER = ScriptedAnswer.pieces("a ", "", "b")
            .withThinking("Hm.")
            .withToolCalls(new ToolCall("1", "x", "{}"), new ToolCall("2", "y", "{}"));

    @Test
    void shouldPublishThinkingTextCallsAndAnswerInThisOrder() {
        Recorder heard = subscribe(over(ANSWER), Long.MAX_VALUE);

        heard.awaitEnd();

        assertThat(heard.heard)
                .containsExactly("thinking Hm.", "text a ", "text b", "call 0 x", "call 1 y", "answer a b", "end");
    }

    @Test
    void shouldDeliverNoMoreThanRequestedAndKeepTheRest() {
        Recorder heard = subscribe(over(ANSWER), 0);
        for (int requested = 1; requested <= 6; requested++) {
            int expected = requested;
            heard.subscription.request(1);
            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(() -> assertThat(heard.events()).hasSize(expected));
        }

        heard.awaitEnd(); // needs no demand
        assertThat(heard.heard)
                .containsExactly("thinking Hm.", "text a ", "text b", "call 0 x", "call 1 y", "answer a b", "end");
    }

    @Test
    void shouldSendTheRequestForEachSubscription() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("one", "two");
        Flow.Publisher<ChatModelStreamingEvent> publisher =
                Mlx4jStreamingChatModel.builder(llm).build().chat(request());
        assertThat(llm.requests()).isEmpty();

        for (String answer : List.of("one", "two")) {
            Recorder heard = new Recorder(Long.MAX_VALUE);
            publisher.subscribe(heard);
            heard.awaitEnd();
            assertThat(heard.heard).contains("answer " + answer);
        }
    }

    @Test
    void shouldFailWithLangChain4jsExceptionsAfterWhatCameBefore() {
        Recorder died = subscribe(
                over(ScriptedAnswer.pieces("a").withFailure(new WorkerDiedException("died", "", 1, ""))),
                Long.MAX_VALUE);
        Recorder refused = new Recorder(0);
        over(ANSWER)
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("a"))
                        .modelName("other")
                        .build())
                .subscribe(refused);

        died.awaitEnd();
        refused.awaitEnd();
        assertThat(died.heard).containsExactly("text a", "error");
        assertThat(died.error)
                .isInstanceOf(InternalServerException.class)
                .hasCauseInstanceOf(WorkerDiedException.class);
        assertThat(refused.error).isInstanceOf(UnsupportedFeatureException.class);
    }

    @Test
    void shouldEndTheGenerationAndBeSilentWhenCancelled() throws Exception {
        Endless port = new Endless();
        Recorder heard = new Recorder(3) {
            @Override
            public void onNext(ChatModelStreamingEvent event) {
                super.onNext(event);
                if (heard.size() == 3) {
                    subscription.cancel();
                    subscription.request(5);
                }
            }
        };
        Mlx4jStreamingChatModel.builder(port).build().chat(request()).subscribe(heard);

        port.ended.await();
        assertThat(heard.heard).containsExactly("text x", "text x", "text x");
    }

    @Test
    void shouldStartNothingWhenCancelledAtOnce() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("a");
        Recorder heard = new Recorder(1) {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscription.cancel();
            }
        };
        Mlx4jStreamingChatModel.builder(llm).build().chat(request()).subscribe(heard);

        assertThat(llm.requests()).isEmpty();
        assertThat(heard.heard).isEmpty();
    }

    @Test
    void shouldCancelAndFailWhenTooManyEventsWait() throws Exception {
        Endless port = new Endless();
        Recorder heard = subscribe(Mlx4jStreamingChatModel.builder(port).build(), 2);

        heard.awaitEnd(); // although nothing is requested
        port.ended.await();

        assertThat(heard.heard).containsExactly("text x", "text x", "error");
        assertThat(heard.error)
                .isInstanceOf(LangChain4jException.class)
                .hasCauseInstanceOf(ClientMemoryException.class)
                .hasMessageContaining("16,384");
    }

    @Test
    void shouldFailWhenTheDemandIsNotPositive() throws Exception {
        Endless port = new Endless();
        Recorder heard = subscribe(Mlx4jStreamingChatModel.builder(port).build(), 1);

        heard.subscription.request(-1);

        heard.awaitEnd();
        port.ended.await();
        assertThat(heard.error).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldTellListenersOnceWithModelAndIdWhenAsynchronous() {
        List<String> told = new CopyOnWriteArrayList<>();
        ChatModelListener listener = new ChatModelListener() {
            @Override
            public void onRequest(ChatModelRequestContext context) {
                told.add("request of " + context.chatRequest().modelName());
            }

            @Override
            public void onResponse(ChatModelResponseContext context) {
                told.add("answer of " + context.chatResponse().modelName() + " "
                        + context.chatResponse().id().startsWith("mlx4j-"));
            }

            @Override
            public void onError(ChatModelErrorContext context) {
                told.add("error");
            }
        };
        TextGenerationPort port = ScriptedTextGeneration.answering("a", "b");
        ChatModel model = Mlx4jChatModel.builder(port).listeners(listener).build();
        StreamingChatModel streaming =
                Mlx4jStreamingChatModel.builder(port).listeners(listener).build();

        assertThat(model.chatAsync("Hi")).succeedsWithin(Duration.ofSeconds(10)).isEqualTo("a");
        subscribe(streaming, Long.MAX_VALUE).awaitEnd();

        assertThat(told)
                .containsExactly(
                        "request of scripted", "answer of scripted true",
                        "request of scripted", "answer of scripted true");
    }

    @Nested
    class Suite extends AbstractStreamingChatModelPublisherListenerTest {

        @Override
        protected StreamingChatModel createModel(ChatModelListener listener, StreamScenario scenario) {
            String[] pieces = Collections.nCopies(scenario.contentChunks(), "x").toArray(String[]::new);
            ScriptedAnswer answer = ScriptedAnswer.pieces(pieces)
                    .withDelay(Duration.ofMillis(scenario.spreadOverMillis() / Math.max(1, pieces.length)));
            TextGenerationPort port =
                    scripted(scenario.fail() ? answer.withFailure(new WorkerDiedException("died", "", 1, "")) : answer);
            return Mlx4jStreamingChatModel.builder(port).listeners(listener).build();
        }
    }

    private static ScriptedTextGeneration scripted(ScriptedAnswer answer) {
        return ScriptedTextGeneration.builder().answer(answer).build();
    }

    private static StreamingChatModel over(ScriptedAnswer answer) {
        return Mlx4jStreamingChatModel.builder(scripted(answer)).build();
    }

    private static ChatRequest request() {
        return ChatRequest.builder().messages(UserMessage.from("a")).build();
    }

    private static Recorder subscribe(StreamingChatModel model, long demand) {
        Recorder heard = new Recorder(demand);
        model.chat(request()).subscribe(heard);
        return heard;
    }

    /** A port that generates until it is cancelled. */
    private static final class Endless extends AbstractTextGenerationPort {

        private final CountDownLatch ended = new CountDownLatch(1);

        @Override
        public Cancellation start(GenerationRequest request, GenerationSink sink) {
            CountDownLatch cancelled = new CountDownLatch(1);
            Thread thread = new Thread(() -> {
                while (cancelled.getCount() > 0) {
                    sink.text(new GenerationEvent.Text("x", List.of()));
                    Thread.yield();
                }
                sink.failed(new CancelledException("cancelled", ""));
                ended.countDown();
            });
            thread.setDaemon(true);
            thread.start();
            return cancelled::countDown;
        }
    }

    private static class Recorder implements Flow.Subscriber<ChatModelStreamingEvent> {

        final List<String> heard = new CopyOnWriteArrayList<>();
        final CountDownLatch ended = new CountDownLatch(1);
        private final long demand;
        volatile Flow.Subscription subscription;
        volatile Throwable error;

        Recorder(long demand) {
            this.demand = demand;
        }

        void awaitEnd() {
            await().atMost(Duration.ofSeconds(40)).until(() -> ended.getCount() == 0);
        }

        List<String> events() {
            return heard.stream().filter(one -> !one.equals("end")).toList();
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            if (demand > 0) {
                subscription.request(demand);
            }
        }

        @Override
        public void onNext(ChatModelStreamingEvent event) {
            if (event instanceof PartialThinking thinking) {
                heard.add("thinking " + thinking.text());
            } else if (event instanceof PartialResponse text) {
                heard.add("text " + text.text());
            } else if (event instanceof CompleteToolCall call) {
                heard.add("call " + call.index() + " "
                        + call.toolExecutionRequest().name());
            } else if (event instanceof CompleteResponse answer) {
                heard.add("answer " + answer.chatResponse().aiMessage().text());
            }
        }

        @Override
        public void onError(Throwable error) {
            this.error = error;
            heard.add("error");
            ended.countDown();
        }

        @Override
        public void onComplete() {
            heard.add("end");
            ended.countDown();
        }
    }
}
