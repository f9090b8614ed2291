package io.github.mlx4j.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.internal.protocol.Codec;
import io.github.mlx4j.internal.protocol.Generate;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.Reply;
import io.github.mlx4j.internal.worker.Worker;
import io.github.mlx4j.internal.worker.WorkerClient;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A generation request to a worker. It is resent once if the worker dies before the first chunk. */
final class WorkerGeneration implements Cancellation {

    private static final Logger log = LoggerFactory.getLogger(WorkerGeneration.class);

    private final ProviderKind kind;
    private final Worker worker;
    private final WorkerCall<Generate.Result> call;
    private final GenerationSink sink;
    private final Runnable onEnd;
    private final Object delivery = new Object(); // ensures that only one thread at a time calls the sink
    private boolean ended;
    private boolean resent;
    private boolean cancelled;
    private @Nullable Runnable cancelCall;

    WorkerGeneration(
            ProviderKind kind, Worker worker, WorkerCall<Generate.Result> call, GenerationSink sink, Runnable onEnd) {
        this.kind = kind;
        this.worker = worker;
        this.call = call;
        this.sink = sink;
        this.onEnd = onEnd;
    }

    /** Starts the request. Throws nothing: any error ends the request. */
    void begin() {
        try {
            start();
        } catch (Throwable unstarted) {
            fail(Mlx4jException.of(unstarted));
        }
    }

    private void start() {
        CompletableFuture<Worker.Ready> starting;
        synchronized (this) { // atomic, so that a cancelled request never starts the worker
            starting = cancelled ? CompletableFuture.failedFuture(cancelled()) : worker.ready();
        }
        starting.whenComplete((ready, error) -> {
            if (error != null) {
                failed(Mlx4jException.of(error), false);
                return;
            }
            try {
                send(ready);
            } catch (Throwable unsent) {
                fail(Mlx4jException.of(unsent));
            }
        });
    }

    @Override
    public void cancel() {
        Runnable cancelCall;
        synchronized (this) {
            cancelled = true;
            cancelCall = this.cancelCall;
        }
        if (cancelCall != null) {
            cancelCall.run(); // the request ends when the worker answers
        } else {
            fail(cancelled());
        }
    }

    private void send(Worker.Ready ready) {
        synchronized (this) {
            if (cancelled) {
                fail(cancelled()); // the call that cancel() tried to cancel had already ended
                return;
            }
            WorkerClient client = ready.client();
            Receiver receiver = new Receiver(ready.backend());
            boolean before = resent;
            String id = client.call(call, receiver);
            if (resent
                    == before) { // otherwise this client has ended and the request is already being resent to the next
                // one
                cancelCall = () -> client.cancel(id);
            }
        }
    }

    private void failed(Mlx4jException error, boolean anyChunk) {
        boolean gone = error instanceof WorkerDiedException || error instanceof WorkerHungException;
        if (gone && !anyChunk && mayResend()) {
            log.warn("The {} worker exited before the first token; retrying the request once", kind.id());
            begin();
        } else {
            fail(gone && isCancelled() ? cancelled() : error);
        }
    }

    private synchronized boolean isCancelled() {
        return cancelled;
    }

    private synchronized boolean mayResend() {
        boolean first = !resent && !cancelled;
        resent = true;
        cancelCall = null;
        return first;
    }

    /** Ends the request with an error. Nothing is sent afterwards. */
    void fail(Mlx4jException error) {
        end(() -> sink.failed(error));
    }

    /** Notifies the sink of the end. Only the first call has an effect. */
    private void end(Runnable tell) {
        synchronized (delivery) {
            if (!ended) {
                ended = true;
                onEnd.run();
                tell.run();
            }
        }
    }

    private static CancelledException cancelled() {
        return new CancelledException("The request was cancelled.", "");
    }

    /** Receives the worker's messages, on its reader thread. */
    private final class Receiver implements Reply<Generate.Result> {

        private final Backend backend;
        private final StringBuilder text = new StringBuilder();
        private final StringBuilder thinking = new StringBuilder();
        private final List<Integer> tokens = new ArrayList<>();
        private final List<TokenLogProb> logProbs = new ArrayList<>();
        private int chunks;
        private boolean givenUp; // the call has failed; late messages are dropped

        Receiver(Backend backend) {
            this.backend = backend;
        }

        @Override
        public void notified(String method, JsonNode params) {
            if (method.equals("chunk")) {
                add(Codec.read(params, Generate.Chunk.class));
            }
        }

        private void add(Generate.Chunk chunk) {
            synchronized (delivery) {
                if (ended || givenUp) {
                    return;
                }
                if (chunk.seq() == chunks) {
                    List<TokenLogProb> likely =
                            chunk.tokenLogProbs(); // may throw, so it comes before the chunk is counted
                    chunks++;
                    tokens.addAll(chunk.tokens());
                    logProbs.addAll(likely);
                    if (chunk.kind().equals("thinking")) {
                        thinking.append(chunk.text());
                        sink.thinking(new GenerationEvent.Thinking(chunk.text(), chunk.tokens(), likely));
                    } else {
                        text.append(chunk.text());
                        sink.text(new GenerationEvent.Text(chunk.text(), chunk.tokens(), likely));
                    }
                    return;
                }
            }
            pieceLost();
        }

        @Override
        public void answered(Generate.Result result) {
            if (result.chunks() != chunks) {
                pieceLost();
                return;
            }
            String thought = result.thinkingIsAnswer() ? "" : thinking.toString();
            GenerationResult whole = result.answer(text.toString(), thought, tokens, logProbs, backend);
            end(() -> sink.completed(whole));
        }

        /** Fails the request: a text with a gap is wrong, so nothing after the gap is passed on. */
        private void pieceLost() {
            fail(new ProtocolException(
                    "A chunk of the %s worker's answer was lost after %d chunks.".formatted(kind.id(), chunks),
                    "This is a bug in mlx4j; please report it."));
            cancel();
        }

        @Override
        public void failed(Mlx4jException error) {
            boolean anyChunk;
            synchronized (delivery) {
                givenUp = true;
                anyChunk = chunks > 0;
            }
            WorkerGeneration.this.failed(
                    error instanceof UnreadableAnswerException unread
                            ? new UnreadableAnswerException(
                                    unread.reason(), unread.hint(), text.toString(), unread.getCause())
                            : error,
                    anyChunk);
        }
    }
}
