package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** A caller that uses one port in every way, correctly or incorrectly, until it is stopped. */
final class Caller implements Runnable {

    private static final int PATIENCE_SECONDS = 100;

    private final Lane lane;
    private final int mostPauseMs;
    private final Ledger ledger;
    private final Interrupter interrupter;
    private final SplittableRandom random;
    private final BooleanSupplier stopped;

    /** Creates a caller for a lane; it pauses for up to {@code mostPauseMs} between requests. */
    Caller(
            Lane lane,
            int mostPauseMs,
            Ledger ledger,
            Interrupter interrupter,
            SplittableRandom random,
            BooleanSupplier stopped) {
        this.lane = lane;
        this.mostPauseMs = mostPauseMs;
        this.ledger = ledger;
        this.interrupter = interrupter;
        this.random = random;
        this.stopped = stopped;
    }

    @Override
    public void run() {
        try {
            while (!stopped.getAsBoolean()) {
                if (!lane.isQuiet()) {
                    act();
                }
                Thread.sleep(random.nextInt(mostPauseMs));
            }
        } catch (InterruptedException | RuntimeException | Error error) {
            ledger.wrong("a caller of " + lane.name + " got " + error);
        }
    }

    private void act() throws InterruptedException {
        Fault fault = lane.due.getAndSet(null);
        if (fault != null) {
            Journal.Entry entry = lane.journal.begin(fault);
            try {
                whole(lane.source.faulty(random, fault));
            } finally {
                entry.end();
            }
            return;
        }
        switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4, 5 -> whole(lane.source.good(random));
            case 6 -> whole(lane.source.bad(random));
            case 7 -> whole(any().within(Duration.ofMillis(1 + random.nextInt(400))));
            case 8 -> cancelledFuture(any());
            case 9, 10 -> closedEarly(any());
            case 11 -> cancelledListener(any());
            case 12 -> interruptedWait(any());
            case 13 -> interruptedReader(any());
            case 14 -> dropped(any());
            default -> burst();
        }
    }

    private Work any() {
        return random.nextBoolean() ? lane.source.lasting(random) : lane.source.good(random);
    }

    /** Sends a request in one of the ways that wait for the complete answer. */
    private void whole(Work work) throws InterruptedException {
        switch (random.nextInt(5)) {
            case 0 -> blocking(work);
            case 1 -> async(work);
            case 2 -> listener(work);
            case 3 -> read(work, random.nextInt(25));
            default -> read(work, 0);
        }
    }

    private void blocking(Work work) {
        Tracked one = new Tracked(ledger, lane, work, "blocking", true);
        try {
            one.told(one.generate(work.request()), null);
        } catch (Mlx4jException error) {
            one.told(error, null);
        }
    }

    private void async(Work work) throws InterruptedException {
        Tracked one = new Tracked(ledger, lane, work, "async", true);
        await(one, one.generateAsync(work.request()));
    }

    private static void await(Tracked one, CompletableFuture<GenerationResult> future) throws InterruptedException {
        try {
            one.told(future.get(PATIENCE_SECONDS, TimeUnit.SECONDS), null);
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Mlx4jException error) {
                one.told(error, null);
            } else {
                one.complain("an untyped failure: " + failure.getCause());
            }
        } catch (CancellationException cancelled) {
            one.gaveUp();
        } catch (TimeoutException lost) {
            // the ledger has recorded it
        }
    }

    private void read(Work work, int msBetween) throws InterruptedException {
        Tracked one = new Tracked(ledger, lane, work, "stream", true);
        StringBuilder pieces = new StringBuilder();
        try (GenerationStream stream = one.stream(work.request())) {
            Iterator<GenerationEvent> events = stream.iterator();
            try {
                while (events.hasNext()) {
                    take(one, events.next(), pieces);
                    Thread.sleep(msBetween);
                }
            } catch (Mlx4jException error) {
                one.told(error, pieces);
                askAgain(one, events, error);
            }
        }
    }

    private static void take(Tracked one, GenerationEvent event, StringBuilder pieces) {
        if (event instanceof GenerationEvent.Text text) {
            pieces.append(text.text());
        } else if (event instanceof GenerationEvent.Completed completed) {
            one.told(completed.result(), pieces);
        }
    }

    private static void askAgain(Tracked one, Iterator<GenerationEvent> events, Mlx4jException error) {
        try {
            one.complain("asked again after " + error.code() + ", it has more: " + events.hasNext());
        } catch (Mlx4jException again) {
            boolean same =
                    again.code().equals(error.code()) && again.getMessage().equals(error.getMessage());
            one.complain(same ? null : "asked again after " + error + " it throws " + again);
        }
    }

    private void listener(Work work) throws InterruptedException {
        Tracked one = new Tracked(ledger, lane, work, "listener", true);
        CountDownLatch ended = new CountDownLatch(1);
        one.stream(work.request(), listener(one, ended, random.nextInt(8) == 0));
        ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private void cancelledListener(Work work) throws InterruptedException {
        Tracked one = new Tracked(ledger, lane, work, "cancelled listener", true);
        CountDownLatch ended = new CountDownLatch(1);
        Cancellation running = one.stream(work.request(), listener(one, ended, false));
        interrupter.after(random.nextInt(60), () -> {
            one.cancelling();
            running.cancel();
        });
        ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static GenerationListener listener(Tracked one, CountDownLatch ended, boolean throwing) {
        StringBuilder pieces = new StringBuilder();
        return new GenerationListener() {
            @Override
            public void onText(GenerationEvent.Text text) {
                pieces.append(text.text());
                if (throwing && pieces.length() % 10 == 1) {
                    one.cancelling(); // an exception from a listener cancels its request, and nothing else
                    Caller.<RuntimeException>throwAny(pieces.length());
                }
            }

            @Override
            public void onCompleted(GenerationResult result) {
                one.told(result, pieces);
                ended.countDown();
            }

            @Override
            public void onFailed(Mlx4jException error) {
                one.told(error, pieces);
                ended.countDown();
            }
        };
    }

    /** Throws an exception, an error or, as Kotlin can, an undeclared checked exception. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAny(int which) throws T {
        String message = "a listener of the soak throws";
        Throwable thrown = switch (which % 3) {
            case 0 -> new IllegalStateException(message);
            case 1 -> new AssertionError(message);
            default -> new IOException(message);
        };
        throw (T) thrown;
    }

    private void cancelledFuture(Work work) throws InterruptedException {
        Tracked one = new Tracked(ledger, lane, work, "cancelled future", true);
        CompletableFuture<GenerationResult> future = one.generateAsync(work.request());
        Thread.sleep(random.nextInt(60));
        one.cancelling();
        future.cancel(true);
        await(one, future);
    }

    private void closedEarly(Work work) {
        boolean waits = random.nextBoolean();
        Tracked one = new Tracked(ledger, lane, work, "closed early", waits);
        int most = Math.min(work.text().codePointCount(0, work.text().length()), random.nextInt(6));
        StringBuilder pieces = new StringBuilder();
        try (GenerationStream stream = one.stream(work.request())) {
            Iterator<GenerationEvent> events = stream.iterator();
            for (int i = 0; i < most && events.hasNext(); i++) {
                if (events.next() instanceof GenerationEvent.Text text) {
                    pieces.append(text.text());
                } else {
                    break;
                }
            }
            one.cancelling();
            if (waits) {
                stream.cancel();
                one.told(stream.result(), null);
            }
        } catch (Mlx4jException error) {
            if (waits) {
                one.told(error, pieces);
            }
        }
    }

    private void interruptedWait(Work work) {
        Tracked one = new Tracked(ledger, lane, work, "interrupted wait", true);
        one.cancelling();
        Interrupter.Pending interrupt = interrupter.interruptAfter(random.nextInt(80));
        try {
            GenerationResult result = one.generate(work.request());
            interrupt.takeBack();
            one.told(result, null);
        } catch (Mlx4jException error) {
            interrupt.takeBack();
            checkFlag(one, error);
            one.told(error, null);
        } finally {
            Thread.interrupted();
        }
    }

    private void interruptedReader(Work work) {
        Tracked one = new Tracked(ledger, lane, work, "interrupted reader", true);
        one.cancelling();
        StringBuilder pieces = new StringBuilder();
        Interrupter.Pending interrupt = interrupter.interruptAfter(random.nextInt(80));
        try (GenerationStream stream = one.stream(work.request())) {
            for (GenerationEvent event : stream) {
                take(one, event, pieces);
            }
        } catch (Mlx4jException error) {
            interrupt.takeBack();
            checkFlag(one, error);
            one.told(error, pieces);
        } finally {
            interrupt.takeBack();
            Thread.interrupted();
        }
    }

    private static void checkFlag(Tracked one, Mlx4jException error) {
        if (error instanceof CancelledException && !Thread.currentThread().isInterrupted()) {
            one.complain("cancelled without an interrupt, or the thread's flag is gone: " + error.getMessage());
        }
    }

    private void dropped(Work work) {
        Tracked one = new Tracked(ledger, lane, work, "dropped", false);
        one.cancelling();
        drop(one, work, random.nextInt(3));
        if (random.nextInt(10) == 0) {
            System.gc();
        }
    }

    @SuppressWarnings("try") // deliberately not closed
    private static void drop(Tracked one, Work work, int pieces) {
        GenerationStream stream = one.stream(work.request());
        Iterator<GenerationEvent> events = stream.iterator();
        try {
            for (int i = 0; i < Math.min(pieces, work.text().length() / 2) && events.hasNext(); i++) {
                events.next();
            }
        } catch (Mlx4jException ended) {
            // the sink's watch has checked it
        }
    }

    /**
     * Sends many requests at once, sometimes more than the adapter accepts, sometimes including one that kills the
     * worker.
     */
    private void burst() throws InterruptedException {
        boolean large = random.nextInt(10) == 0 && !lane.isGuarded();
        int size = large ? lane.mostRequests + 20 : 1 + random.nextInt(30);
        int killer = large && lane.takesScripts() ? random.nextInt(2 * size) : size;
        Journal.Entry kill = killer < size ? lane.journal.begin(Fault.KILL) : null;
        List<Tracked> requests = new ArrayList<>();
        List<CompletableFuture<GenerationResult>> futures = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            Work work = i == killer ? lane.source.faulty(random, Fault.KILL) : lane.source.good(random);
            Tracked one = new Tracked(ledger, lane, work, "burst", true);
            CompletableFuture<GenerationResult> future = one.generateAsync(work.request());
            requests.add(one);
            futures.add(future);
            if (random.nextInt(3) == 0) {
                interrupter.after(random.nextInt(300), () -> {
                    one.cancelling();
                    future.cancel(true);
                });
            }
        }
        for (int i = 0; i < size; i++) {
            await(requests.get(i), futures.get(i));
        }
        if (kill != null) {
            kill.end();
        }
    }
}
