package io.github.mlx4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationResult;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Passes a listener's events to LangChain4j's handler. It is also the handle that cancels the request. */
final class HandlerBridge implements GenerationListener, StreamingHandle {

    private static final Logger log = LoggerFactory.getLogger(Mlx4jStreamingChatModel.class);

    private final StreamingChatResponseHandler handler;
    private final CompletableFuture<Cancellation> running = new CompletableFuture<>();
    private volatile boolean cancelled;

    HandlerBridge(StreamingChatResponseHandler handler) {
        this.handler = handler;
    }

    /** Sets the request to cancel; this may happen after the first event. */
    void running(Cancellation cancellation) {
        running.complete(cancellation);
    }

    @Override
    public void cancel() {
        cancelled = true;
        running.thenAccept(Cancellation::cancel);
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    @Override
    public void onText(GenerationEvent.Text text) {
        if (!text.text().isEmpty()) {
            tell(() -> handler.onPartialResponse(new PartialResponse(text.text()), new PartialResponseContext(this)));
        }
    }

    @Override
    public void onThinking(GenerationEvent.Thinking thinking) {
        if (!thinking.text().isEmpty()) {
            tell(() ->
                    handler.onPartialThinking(new PartialThinking(thinking.text()), new PartialThinkingContext(this)));
        }
    }

    @Override
    public void onCompleted(GenerationResult result) {
        ChatResponse response;
        try {
            response = Answers.of(result);
        } catch (Mlx4jException unreadable) {
            onFailed(unreadable);
            return;
        }
        List<ToolExecutionRequest> calls = response.aiMessage().toolExecutionRequests();
        for (int i = 0; i < calls.size(); i++) {
            CompleteToolCall call = new CompleteToolCall(i, calls.get(i));
            tell(() -> handler.onCompleteToolCall(call));
        }
        tell(() -> handler.onCompleteResponse(response));
    }

    @Override
    public void onFailed(Mlx4jException error) {
        if (!cancelled) {
            tellError(Failures.of(error));
        }
    }

    private void tell(Runnable callback) {
        if (cancelled) {
            return;
        }
        try {
            callback.run();
        } catch (Throwable thrown) {
            if (thrown instanceof Error) {
                cancel(); // by contract, a handler goes on only after an exception
            }
            tellError(thrown);
        }
    }

    private void tellError(Throwable error) {
        try {
            handler.onError(error);
        } catch (Throwable thrown) {
            log.warn("A handler's onError threw an exception, which is ignored", thrown);
        }
    }
}
