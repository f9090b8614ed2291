package io.github.mlx4j.remote;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.http.client.sse.ServerSentEvent;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.provider.Backend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** One request in progress. LangChain4j calls it with the parts of the server's response. */
final class RemoteGeneration implements Cancellation, StreamingChatResponseHandler {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** The longest tokens of common vocabularies are runs of spaces, 128 characters long. */
    private static final long MAX_TOKEN_CHARS = 128;

    private static final long MAX_BASE_CHARS = 1024;
    private static final long MAX_CHARS = 16 << 20;

    /** Servers send a few hundred bytes with the text of each token; this leaves a margin. */
    private static final long MAX_TOKEN_BYTES = 4096;

    private static final long MAX_BASE_BYTES = 8 << 20;
    private static final long MAX_BYTES = 256 << 20;

    private static final Pattern NOT_KNOWN = Pattern.compile("\"(error|reasoning)\"");

    private final Connection connection;
    private final Vendor vendor;
    private final Backend backend;
    private final GenerationRequest request;
    private final GenerationSink sink;
    private final HttpExchange exchange;
    private final Object delivery = new Object(); // a sink may be called by only one thread at a time
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder thinking = new StringBuilder();
    private final long begun = System.nanoTime();
    private final long maxChars;
    private long chars;
    private long first;
    private long last;
    private boolean ended;

    private RemoteGeneration(
            Connection connection, Vendor vendor, Backend backend, GenerationRequest request, GenerationSink sink) {
        this.connection = connection;
        this.vendor = vendor;
        this.backend = backend;
        this.request = request;
        this.sink = sink;
        this.maxChars = Math.min(MAX_BASE_CHARS + request.maxTokens() * MAX_TOKEN_CHARS, MAX_CHARS);
        long maxBytes = Math.min(MAX_BASE_BYTES + request.maxTokens() * MAX_TOKEN_BYTES, MAX_BYTES);
        this.exchange = connection.open(maxBytes, this::fail);
    }

    /**
     * Starts a request.
     *
     * @throws Mlx4jException if the request is rejected before anything is sent; the sink is not called in that case
     */
    static Cancellation start(
            Connection connection, Vendor vendor, Backend backend, GenerationRequest request, GenerationSink sink) {
        ChatRequest chat = ChatRequests.of(request, backend.provider(), vendor);
        RemoteGeneration generation = new RemoteGeneration(connection, vendor, backend, request, sink);
        try {
            vendor.chat(generation.exchange).chat(chat, generation);
        } catch (RuntimeException | LinkageError unsent) {
            generation.fail(connection.faults.of(unsent));
        }
        return generation;
    }

    @Override
    public void cancel() {
        fail(new CancelledException("The request was cancelled.", ""));
    }

    @Override
    public void onPartialResponse(String piece) {
        synchronized (delivery) {
            if (fits(piece)) {
                text.append(piece);
                sink.text(new GenerationEvent.Text(piece, List.of()));
            }
        }
    }

    @Override
    public void onPartialThinking(PartialThinking piece) {
        synchronized (delivery) {
            if (fits(piece.text())) {
                thinking.append(piece.text());
                sink.thinking(new GenerationEvent.Thinking(piece.text(), List.of()));
            }
        }
    }

    @Override
    public void onPartialToolCall(PartialToolCall piece) {
        synchronized (delivery) {
            fits(piece.partialArguments());
        }
    }

    /**
     * Handles events that LangChain4j does not know: the errors of some servers, and the reasoning of others
     * (mlx_lm.server, vLLM).
     */
    @Override
    public void onUnmappedRawEvent(Object event) {
        if (!(event instanceof ServerSentEvent sent)
                || !NOT_KNOWN.matcher(sent.data()).find()) {
            return;
        }
        JsonNode data;
        try {
            data = JSON.readTree(sent.data());
        } catch (JsonProcessingException other) {
            return; // LangChain4j has handled it
        }
        String thought = data.at("/choices/0/delta/reasoning").asText("");
        if (data.hasNonNull("error")) {
            fail(connection.faults.inAnswer(sent.data()));
        } else if (!thought.isEmpty()) {
            onPartialThinking(new PartialThinking(thought));
        }
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
        synchronized (delivery) {
            if (ended) {
                return;
            }
            GenerationResult result;
            try {
                result = result(response);
            } catch (Mlx4jException wrong) {
                fail(wrong);
                return;
            }
            ended = true;
            exchange.succeed();
            sink.completed(result);
        }
    }

    @Override
    public void onError(Throwable error) {
        boolean told = error.getCause() == null
                && (error instanceof LangChain4jException || error.getClass() == RuntimeException.class);
        fail(told ? connection.faults.inAnswer(String.valueOf(error.getMessage())) : connection.faults.of(error));
    }

    /** Reports the failure to the sink and releases the exchange, unless the request has ended. */
    private void fail(Mlx4jException error) {
        synchronized (delivery) {
            if (ended) {
                return;
            }
            ended = true;
            sink.failed(error);
        }
        exchange.release();
    }

    /**
     * Returns whether a piece still belongs to the response. Fails the request if the response is longer than
     * {@code maxTokens} allows.
     */
    private boolean fits(String piece) {
        if (ended) {
            return false;
        }
        last = System.nanoTime();
        if (first == 0) {
            first = last;
        }
        chars += piece.length();
        if (chars > maxChars) {
            fail(connection.faults.endless(request.maxTokens(), maxChars));
            return false;
        }
        return true;
    }

    private GenerationResult result(ChatResponse response) {
        List<ToolCall> calls = new ArrayList<>();
        List<MalformedToolCall> unread = new ArrayList<>();
        for (ToolExecutionRequest call : response.aiMessage().toolExecutionRequests()) {
            String id = call.id() == null || call.id().isEmpty() ? "call_" + calls.size() : call.id();
            try {
                String arguments = ChatRequests.object("The arguments of the call", call.arguments())
                        .toString();
                calls.add(new ToolCall(id, call.name(), arguments));
            } catch (Mlx4jException noObject) {
                unread.add(new MalformedToolCall(call.name() + " " + call.arguments(), noObject.reason()));
            }
        }
        FinishReason reason = finishReason(response, !calls.isEmpty());
        if (reason == FinishReason.STOP && request.responseFormat() != null) {
            checkJson();
        }
        long now = System.nanoTime();
        Duration toFirst = Duration.ofNanos((first == 0 ? now : first) - begun);
        return new GenerationResult(
                text.toString(),
                thinking.toString(),
                calls,
                unread,
                List.of(),
                List.of(),
                reason,
                null,
                vendor.usage(response.metadata().tokenUsage()),
                new Timings(Duration.ZERO, toFirst, toFirst, Duration.ofNanos(last - first)),
                backend);
    }

    private FinishReason finishReason(ChatResponse response, boolean anyCall) {
        dev.langchain4j.model.output.FinishReason reason = response.metadata().finishReason();
        if (reason == null && vendor.alwaysSaysWhyItEnded()) {
            throw connection.faults.brokenOff("");
        }
        if (reason == null) {
            return anyCall ? FinishReason.TOOL_CALLS : FinishReason.STOP;
        }
        return switch (reason) {
            case STOP -> anyCall ? FinishReason.TOOL_CALLS : FinishReason.STOP;
            case TOOL_EXECUTION -> FinishReason.TOOL_CALLS;
            case LENGTH -> FinishReason.LENGTH;
            case CONTENT_FILTER, OTHER -> FinishReason.OTHER;
        };
    }

    /** Fails if the text is not JSON: some servers accept a response format and don't enforce it. */
    private void checkJson() {
        boolean json;
        try {
            json = !JSON.readTree(text.toString()).isMissingNode();
        } catch (JsonProcessingException none) {
            json = false;
        }
        if (!json) {
            throw new ProtocolException(
                    connection.faults.server()
                            + " was asked for JSON but returned other text; it does not enforce response formats.",
                    "Leave responseFormat out, or use another server.");
        }
    }
}
