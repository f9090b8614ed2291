package io.github.mlx4j.programs.soak;

import io.github.mlx4j.event.WorkerStatus;
import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Injects faults into one lane at random moments, until it is stopped. */
final class Saboteur implements Runnable {

    private final Lane lane;
    private final Ledger ledger;
    private final SplittableRandom random;
    private final BooleanSupplier stopped;
    private final List<Fault> faults;
    private final double meanSeconds;

    /** Creates a saboteur that picks from these faults; {@code meanSeconds} is the average time between them. */
    Saboteur(
            Lane lane,
            Ledger ledger,
            SplittableRandom random,
            BooleanSupplier stopped,
            List<Fault> faults,
            double meanSeconds) {
        this.lane = lane;
        this.ledger = ledger;
        this.random = random;
        this.stopped = stopped;
        this.faults = faults;
        this.meanSeconds = meanSeconds;
    }

    @Override
    public void run() {
        try {
            while (!stopped.getAsBoolean()) {
                pause(-Math.log(1 - random.nextDouble()) * meanSeconds);
                if (!stopped.getAsBoolean()) {
                    bring(faults.get(random.nextInt(faults.size())));
                }
            }
        } catch (IOException | InterruptedException | RuntimeException error) {
            ledger.wrong("the saboteur of " + lane.name + " got " + error);
        }
    }

    private void pause(double seconds) throws InterruptedException {
        long until = System.nanoTime() + (long) (seconds * 1e9);
        while (until - System.nanoTime() > 0 && !stopped.getAsBoolean()) {
            Thread.sleep(50);
        }
    }

    private void bring(Fault fault) throws IOException, InterruptedException {
        switch (fault) {
            case KILL -> kill();
            case CLOSE -> {
                awaitStart();
                lane.renew();
            }
            case STOP -> stop(Fault.STOP, lane.stopMs());
            case STOP_SHORT -> stop(Fault.STOP_SHORT, 100 + random.nextInt(900));
            case QUIET -> quiet();
            default -> lane.due.set(fault);
        }
    }

    private void kill() {
        if (lane.takesScripts() && random.nextBoolean()) {
            lane.due.set(Fault.KILL);
            return;
        }
        awaitStart();
        List<ProcessHandle> processes = lane.processes();
        if (!processes.isEmpty()) {
            Journal.Entry entry = lane.journal.begin(Fault.KILL);
            try {
                processes.get(random.nextInt(processes.size())).destroyForcibly();
            } finally {
                entry.end();
            }
        }
    }

    /** Sometimes waits for the moment at which a worker is ready and receives all waiting requests. */
    private void awaitStart() {
        if (random.nextBoolean()) {
            return;
        }
        boolean wasDown = false;
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
        while (until - System.nanoTime() > 0 && !stopped.getAsBoolean()) {
            boolean up = lane.adapter().status().state() == WorkerStatus.State.READY;
            if (up && wasDown) {
                return;
            }
            wasDown |= !up;
            LockSupport.parkNanos(20_000);
        }
    }

    private void stop(Fault fault, long ms) throws IOException, InterruptedException {
        List<ProcessHandle> processes = lane.processes();
        if (processes.isEmpty()) {
            return;
        }
        ProcessHandle process = processes.get(random.nextInt(processes.size()));
        Journal.Entry entry = lane.journal.begin(fault);
        try {
            signal("STOP", process);
            long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
            while (process.isAlive() && until - System.nanoTime() > 0) {
                Thread.sleep(20);
            }
            signal("CONT", process);
        } finally {
            entry.end();
        }
    }

    private static void signal(String name, ProcessHandle process) throws IOException, InterruptedException {
        if (process.isAlive()) { // false for a new process with the same PID
            new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        }
    }

    private void quiet() throws InterruptedException {
        Journal.Entry entry = lane.journal.begin(Fault.QUIET);
        try {
            lane.quietFor(TimeUnit.MILLISECONDS.toNanos(1000 + random.nextInt(4000)));
            while (lane.isQuiet()) {
                Thread.sleep(50);
            }
        } finally {
            entry.end();
        }
    }
}
