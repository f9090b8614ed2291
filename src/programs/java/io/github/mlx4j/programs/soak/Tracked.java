package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.DeadlineExceededException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A port for one request. It checks what the adapter reports to its sink and what the caller received; the request is
 * complete when both are known. It must not refer to the request's stream, so that the stream can be garbage-collected.
 */
final class Tracked extends AbstractTextGenerationPort {

    static final String OK = "OK";

    private static final long LATE = Duration.ofSeconds(10).toNanos();

    private final Ledger ledger;
    private final Lane lane;
    private final Work work;
    private final String form;
    private final boolean hasTeller;
    private final long begun = System.nanoTime();
    private final StringBuffer said = new StringBuffer();
    private final StringBuffer thought = new StringBuffer();
    private final AtomicInteger ends = new AtomicInteger();
    private final AtomicInteger tellings = new AtomicInteger();
    private volatile boolean cancelled;
    private volatile @Nullable Mlx4jException error;
    private volatile @Nullable String outcome;
    private volatile @Nullable String told;

    /**
     * Begins a request.
     *
     * @param form how the request is sent, for messages
     * @param hasTeller whether the caller is notified of the outcome, and will report it
     */
    Tracked(Ledger ledger, Lane lane, Work work, String form, boolean hasTeller) {
        this.ledger = ledger;
        this.lane = lane;
        this.work = work;
        this.form = form;
        this.hasTeller = hasTeller;
        ledger.began(this);
    }

    GenerationRequest request() {
        return work.request();
    }

    Duration age() {
        return Duration.ofNanos(System.nanoTime() - begun);
    }

    /** Notes that the caller is about to cancel the request, or might. */
    void cancelling() {
        cancelled = true;
    }

    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        lane.began();
        return lane.port().start(request, new Watch(sink));
    }

    /** Records the caller's answer, and the pieces that preceded it, if any. */
    void told(GenerationResult result, @Nullable CharSequence pieces) {
        complain(work.complaint(result));
        if (work.nature() == Work.Nature.GOOD && lane.isTooLong(age())) {
            complain("hostile requests held it up");
        }
        if (pieces != null && !result.text().contentEquals(pieces)) {
            complain("the pieces <" + pieces + "> are not its text <" + result.text() + ">");
        }
        telling(OK);
    }

    /** Records the caller's error, and the pieces that preceded it, if any. */
    void told(Mlx4jException failure, @Nullable CharSequence pieces) {
        if (pieces != null && !work.text().startsWith(pieces.toString())) {
            complain("the pieces <" + pieces + "> do not begin its text <" + work.text() + ">");
        }
        if (failure != error) { // the sink's own error has already been checked
            judge(failure);
        }
        if (failure instanceof DeadlineExceededException && isLate()) {
            complain("its deadline was heard of after " + age().toMillis() + " ms");
        }
        telling(failure.code());
    }

    /** Notes that the caller cancelled its future and is no longer notified. */
    void gaveUp() {
        telling("CANCELLED");
    }

    void complain(@Nullable String what) {
        if (what != null) {
            ledger.wrong(this + ": " + what);
        }
    }

    @Override
    public String toString() {
        return "%s %s %s, %d ms old, sink %s, caller %s, said <%s>, %s"
                .formatted(
                        lane.name,
                        form,
                        work.fault() == null ? work.nature() : work.fault(),
                        age().toMillis(),
                        outcome,
                        hasTeller ? told : "none",
                        said,
                        brief(request().prompt().toString()));
    }

    private static String brief(String prompt) {
        return prompt.length() <= 400 ? prompt : prompt.substring(0, 400) + "…";
    }

    private void telling(String how) {
        if (tellings.incrementAndGet() > 1) {
            ledger.duplicated("for the caller: " + this + ", and now " + how);
        }
        told = how;
        endIfWhole();
    }

    private void endIfWhole() {
        String atSink = outcome;
        String atCaller = hasTeller ? told : outcome;
        if (atSink != null && atCaller != null) {
            ledger.ended(this, atCaller);
        }
    }

    private void judge(Mlx4jException failure) {
        if (!isExplained(failure)) {
            complain("nothing explains " + failure.code() + ": " + failure.getMessage());
        }
    }

    private boolean isExplained(Mlx4jException failure) {
        Duration deadline = request().deadline();
        boolean over = deadline != null && age().compareTo(deadline) >= 0;
        if (failure instanceof CancelledException) {
            return cancelled || over;
        }
        if (failure instanceof DeadlineExceededException) {
            return over;
        }
        if (work.nature() == Work.Nature.HOSTILE && failure.fault() == io.github.mlx4j.error.Fault.CALLER) {
            return true;
        }
        if (failure instanceof InvalidRequestException) {
            return work.nature() == Work.Nature.BAD;
        }
        if (failure instanceof WorkerBusyException) {
            return lane.wasFullSince(begun);
        }
        return lane.journal.explains(failure);
    }

    private boolean isLate() {
        Duration deadline = request().deadline();
        return deadline != null && age().minus(deadline).toNanos() > LATE;
    }

    /** Checks what the adapter reports. */
    private final class Watch implements GenerationSink {

        private final GenerationSink sink;
        private final AtomicBoolean inside = new AtomicBoolean();

        Watch(GenerationSink sink) {
            this.sink = sink;
        }

        @Override
        public void text(GenerationEvent.Text text) {
            enter();
            said.append(text.text());
            if (ends.get() > 0) {
                ledger.duplicated("text after the end: " + Tracked.this + ", and now <" + text.text() + ">");
            }
            sink.text(text);
            inside.set(false);
        }

        @Override
        public void thinking(GenerationEvent.Thinking thinking) {
            enter();
            thought.append(thinking.text());
            if (work.nature() != Work.Nature.HOSTILE && !work.thinking().startsWith(thought.toString())) {
                complain("what it thought, <" + thought + ">, does not begin <" + work.thinking() + ">");
            }
            sink.thinking(thinking);
            inside.set(false);
        }

        @Override
        public void completed(GenerationResult result) {
            enter();
            complain(work.complaint(result));
            if (!result.text().contentEquals(said)) {
                complain("it said <" + said + "> but its text is <" + result.text() + ">");
            }
            end(OK, () -> sink.completed(result));
        }

        @Override
        public void failed(Mlx4jException failure) {
            enter();
            error = failure;
            if (work.nature() != Work.Nature.HOSTILE && !work.text().startsWith(said.toString())) {
                complain("what it said does not begin <" + work.text() + ">, it failed by " + failure.code());
            }
            judge(failure);
            end(failure.code(), () -> sink.failed(failure));
        }

        private void enter() {
            if (!inside.compareAndSet(false, true)) {
                complain("its sink is called by two threads at once");
            }
        }

        private void end(String how, Runnable pass) {
            if (ends.incrementAndGet() > 1) {
                ledger.duplicated("at the sink: " + Tracked.this + ", and now " + how);
            } else {
                lane.ended();
            }
            outcome = how;
            pass.run();
            inside.set(false);
            endIfWhole();
        }
    }
}
