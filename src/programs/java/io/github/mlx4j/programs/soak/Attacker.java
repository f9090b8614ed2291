package io.github.mlx4j.programs.soak;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** Sends requests of {@link HostileWork} one after another, until it is stopped. */
final class Attacker implements Runnable {

    private static final int PATIENCE_SECONDS = 100;
    private static final List<Fault> KINDS =
            List.of(Fault.DEEP_SCHEMA, Fault.HUGE_PROMPT, Fault.LONG_PROMPT, Fault.GRAMMAR, Fault.LARGE_TOKENIZE);

    private final Lane lane;
    private final Ledger ledger;
    private final SplittableRandom random;
    private final BooleanSupplier stopped;

    Attacker(Lane lane, Ledger ledger, SplittableRandom random, BooleanSupplier stopped) {
        this.lane = lane;
        this.ledger = ledger;
        this.random = random;
        this.stopped = stopped;
    }

    @Override
    public void run() {
        try {
            while (!stopped.getAsBoolean()) {
                Fault kind = KINDS.get(random.nextInt(KINDS.size()));
                Journal.Entry entry = lane.journal.begin(kind);
                if (kind == Fault.LARGE_TOKENIZE) {
                    tokenize();
                } else {
                    generate(HostileWork.of(kind, random));
                }
                entry.end();
                Thread.sleep(random.nextInt(500));
            }
        } catch (InterruptedException | RuntimeException | Error error) {
            ledger.wrong("the attacker of " + lane.name + " got " + error);
        }
    }

    private void tokenize() {
        try {
            lane.adapter().tokenize(GenerationRequest.raw(HostileWork.words(1_000_000 + random.nextInt(6_000_000))));
        } catch (Mlx4jException error) {
            if (error.fault() != io.github.mlx4j.error.Fault.CALLER) {
                ledger.wrong("a large tokenize failed with " + error.code() + ": " + error.getMessage());
            }
        }
    }

    /** Lets a request run to its end, sets a deadline, or cancels it early. */
    private void generate(Work work) throws InterruptedException {
        int form = random.nextInt(4);
        Work limited = form == 0 ? work.within(Duration.ofMillis(500 + random.nextInt(2000))) : work;
        Tracked one = new Tracked(ledger, lane, limited, "hostile", true);
        CompletableFuture<GenerationResult> future = one.generateAsync(limited.request());
        if (form == 1) {
            Thread.sleep(random.nextInt(1000));
            one.cancelling();
            future.cancel(true);
        }
        try {
            one.told(future.get(PATIENCE_SECONDS, TimeUnit.SECONDS), null);
        } catch (ExecutionException failure) {
            one.told(Mlx4jException.of(failure), null);
        } catch (CancellationException cancelled) {
            one.gaveUp();
        } catch (TimeoutException lost) {
            // the ledger has recorded it
        }
    }
}
