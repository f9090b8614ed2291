package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.testing.ScriptedAnswer;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class Mlx4jStreamingChatModelTest {

    @Test
    void shouldTellThinkingTextCallsAndAnswerInThisOrder() throws Exception {
        Recorder heard = new Recorder();
        stream(
                ScriptedAnswer.pieces("a ", "", "b")
                        .withThinking("Hm.")
                        .withToolCalls(new ToolCall("1", "x", "{}"), new ToolCall("2", "y", "{}")),
                heard);

        assertThat(heard.all())
                .containsExactly("thinking Hm.", "text a ", "text b", "call 0 x", "call 1 y", "complete a b");
    }

    @Test
    void shouldTellTheFailureAfterWhatCameBeforeIt() throws Exception {
        Recorder heard = new Recorder();
        stream(ScriptedAnswer.pieces("a").withFailure(new WorkerDiedException("died", "", 1, "")), heard);

        assertThat(heard.all()).containsExactly("text a", "error InternalServerException");
        assertThat(heard.error).isInstanceOf(InternalServerException.class).hasCauseInstanceOf(Mlx4jException.class);
    }

    @Test
    void shouldFailWithATimeoutWhenTheDeadlineIsOver() throws Exception {
        Recorder heard = new Recorder();
        Mlx4jStreamingChatModel.builder(ScriptedTextGeneration.builder()
                        .answer(ScriptedAnswer.text("a").withDelay(Duration.ofDays(1)))
                        .build())
                .defaultRequestParameters(Mlx4jChatRequestParameters.builder()
                        .deadline(Duration.ofMillis(20))
                        .build())
                .build()
                .chat("a", heard);

        heard.all();
        assertThat(heard.error).isInstanceOf(TimeoutException.class);
    }

    @Test
    void shouldEndTheGenerationAndBeSilentWhenCancelled() throws Exception {
        Endless port = new Endless();
        Recorder heard = new Recorder() {
            @Override
            public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                super.onPartialResponse(part, context);
                assertThat(context.streamingHandle().isCancelled()).isFalse();
                if (heard.size() == 3) {
                    context.streamingHandle().cancel();
                    context.streamingHandle().cancel();
                    assertThat(context.streamingHandle().isCancelled()).isTrue();
                }
            }
        };
        Mlx4jStreamingChatModel.builder(port).build().chat("a", heard);

        assertThat(port.ended.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(heard.ended.await(100, TimeUnit.MILLISECONDS)).isFalse();
        assertThat(heard.heard).containsExactly("text x", "text x", "text x");
    }

    @Test
    void shouldGoOnAndTellOnErrorWhenTheHandlerThrows() throws Exception {
        Recorder heard = new Recorder() {
            @Override
            public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                throw new IllegalStateException();
            }

            @Override
            public void onError(Throwable error) {
                heard.add("error " + error.getClass().getSimpleName());
                throw new IllegalArgumentException();
            }
        };
        stream(ScriptedAnswer.pieces("a", "b"), heard);

        assertThat(heard.all())
                .containsExactly("error IllegalStateException", "error IllegalStateException", "complete ab");
    }

    @Test
    void shouldGoOnWhenTheHandlerThrowsACheckedException() throws Exception {
        Recorder heard = new Recorder() {
            @Override
            public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                sneakyThrow(new IOException("as Kotlin throws them"));
            }

            @Override
            public void onError(Throwable error) {
                heard.add("error " + error.getClass().getSimpleName());
                sneakyThrow(error);
            }
        };
        stream(ScriptedAnswer.pieces("a", "b"), heard);

        assertThat(heard.all()).containsExactly("error IOException", "error IOException", "complete ab");
    }

    @Test
    void shouldCancelAndCallOnErrorOnceWhenTheHandlerThrowsAnError() throws Exception {
        Endless port = new Endless();
        Recorder heard = new Recorder() {
            @Override
            public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                throw new AssertionError("thrown by the test");
            }
        };

        Mlx4jStreamingChatModel.builder(port).build().chat("a", heard);

        assertThat(port.ended.await(20, TimeUnit.SECONDS))
                .as("the generation was cancelled")
                .isTrue();
        assertThat(heard.all()).containsExactly("error AssertionError");
        assertThat(heard.error).isInstanceOf(AssertionError.class);
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneakyThrow(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @Test
    void shouldThrowAtOnceWhenTheRequestCannotBeHonoured() {
        assertThatExceptionOfType(UnsupportedFeatureException.class)
                .isThrownBy(() -> Mlx4jStreamingChatModel.builder(ScriptedTextGeneration.answering())
                        .build()
                        .chat(
                                ChatRequest.builder()
                                        .messages(UserMessage.from("a"))
                                        .modelName("other")
                                        .build(),
                                new Recorder()));
    }

    private static void stream(ScriptedAnswer answer, Recorder heard) {
        Mlx4jStreamingChatModel.builder(
                        ScriptedTextGeneration.builder().answer(answer).build())
                .build()
                .chat("a", heard);
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
                }
                sink.failed(new CancelledException("cancelled", ""));
                ended.countDown();
            });
            thread.setDaemon(true);
            thread.start();
            return cancelled::countDown;
        }
    }

    private static class Recorder implements StreamingChatResponseHandler {

        final List<String> heard = new CopyOnWriteArrayList<>();
        final CountDownLatch ended = new CountDownLatch(1);
        volatile Throwable error;

        List<String> all() throws InterruptedException {
            assertThat(ended.await(20, TimeUnit.SECONDS)).isTrue();
            return heard;
        }

        @Override
        public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
            heard.add("text " + part.text());
        }

        @Override
        public void onPartialThinking(PartialThinking part) {
            heard.add("thinking " + part.text());
        }

        @Override
        public void onCompleteToolCall(CompleteToolCall call) {
            heard.add("call " + call.index() + " " + call.toolExecutionRequest().name());
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            heard.add("complete " + response.aiMessage().text());
            ended.countDown();
        }

        @Override
        public void onError(Throwable error) {
            this.error = error;
            heard.add("error " + error.getClass().getSimpleName());
            ended.countDown();
        }
    }
}
