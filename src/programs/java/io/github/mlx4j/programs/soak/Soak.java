package io.github.mlx4j.programs.soak;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.adapter.Adapters;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * {@code Soak MINUTES [SEED]}: callers use adapters in every way while their workers are killed, stopped and made to
 * fail. Every request must complete exactly once and correctly, and nothing may be left behind. Exits with 0 on
 * success.
 */
public final class Soak {

    private static final List<Fault> FAKE_FAULTS = List.of(
            Fault.KILL,
            Fault.KILL,
            Fault.KILL,
            Fault.KILL,
            Fault.EXIT,
            Fault.EXIT,
            Fault.RAISE,
            Fault.RAISE,
            Fault.HANG,
            Fault.GIL,
            Fault.GIL_SHORT,
            Fault.STOP,
            Fault.STOP_SHORT,
            Fault.JUNK,
            Fault.JUNK_FLOOD,
            Fault.TORN,
            Fault.TORN,
            Fault.TORN,
            Fault.STDERR,
            Fault.CLOSE,
            Fault.CLOSE,
            Fault.QUIET);
    private static final List<Fault> REAL_FAULTS = List.of(Fault.KILL, Fault.STOP, Fault.STOP_SHORT, Fault.STOP_SHORT);

    private final double minutes;
    private final long seed;
    private final long begun = System.nanoTime();
    private final Ledger ledger = new Ledger(this::print);
    private final Heap heap = new Heap();
    private final Interrupter interrupter = new Interrupter();
    private final List<Thread> saboteurs = new ArrayList<>();
    private final List<Thread> callers = new ArrayList<>();
    private final Lane fake;
    private final Lane real;
    private final Lane hf;
    private final Lane brief;
    private final Lane guarded;
    private final List<Lane> lanes;
    private volatile boolean stopped;
    private volatile boolean sabotageStopped;

    private Soak(double minutes, long seed, Path folder) {
        this.minutes = minutes;
        this.seed = seed;
        this.fake = fakeLane("fake", Duration.ofSeconds(3), 64, folder);
        this.real = realLane(ProviderKind.MLX, "real", "mlx_worker.py", false);
        this.hf = realLane(ProviderKind.HF, "hf", "hf_worker.py", false);
        this.brief = fakeLane("brief", Duration.ofMillis(100), 400, folder); // its workers have short lives
        this.guarded = realLane(
                ProviderKind.MLX, "guarded", "guarded_worker.py", true); // its only faults are its callers' requests
        this.lanes = List.of(fake, real, hf, brief, guarded);
    }

    /** Runs the program. */
    public static void main(String[] args) throws IOException, InterruptedException {
        double minutes = Double.parseDouble(args[0]);
        long seed = args.length > 1 ? Long.parseLong(args[1]) : System.nanoTime() % 1_000_000;
        Path folder = Files.createTempDirectory("soak-");
        boolean fine = new Soak(minutes, seed, folder).run();
        System.exit(fine ? 0 : 1);
    }

    private static Lane fakeLane(String name, Duration idle, int mostRequests, Path folder) {
        WorkerConfig options = WorkerConfig.builder()
                .hang(Duration.ofSeconds(2))
                .idle(idle)
                .maxRequests(mostRequests)
                .build();
        String script = name + "_worker.py"; // a unique name that identifies its processes
        WorkerScripts scripts =
                home -> Files.createSymbolicLink(home.resolve(script), FakeWorker.SCRIPTS.install(home));
        return new Lane(
                name,
                script,
                FakeWorker.ready(),
                probe -> Adapters.mlx(name, probe, scripts, endless(), options),
                new FakeWork(folder),
                options,
                false);
    }

    private static Lane realLane(ProviderKind kind, String name, String script, boolean isGuarded) {
        WorkerConfig options = WorkerConfig.builder()
                .hang(Duration.ofSeconds(isGuarded ? 60 : 5))
                .maxRequests(64)
                .build();
        Availability ready = new Availability.Ready(Fixture.python(kind), "3", Map.of());
        WorkerScripts bundled = new BundledScripts(kind == ProviderKind.HF ? "hf_worker.py" : "mlx_worker.py");
        WorkerScripts scripts = home -> {
            Path installed = bundled.install(home);
            return installed.endsWith(script) ? installed : Files.copy(installed, installed.resolveSibling(script));
        };
        return new Lane(
                name,
                script,
                ready,
                probe -> kind == ProviderKind.HF
                        ? Adapters.hf(Fixture.MODEL.toString(), probe, scripts, endless(), options)
                        : Adapters.mlx(Fixture.MODEL.toString(), probe, scripts, endless(), options),
                new RealWork(),
                options,
                isGuarded);
    }

    /** Returns a budget that is never exhausted, with short delays before a restart. */
    private static RestartBudget endless() {
        return new RestartBudget(1_000_000, Duration.ofSeconds(2), Clock.systemUTC());
    }

    private boolean run() throws InterruptedException {
        print("soak: seed %d, %s min".formatted(seed, plain(minutes)));
        lanes.forEach(lane -> lane.adapter().warmUp());
        lanes.forEach(Lane::renew); // the baseline: classes are loaded, and nothing is left over
        Leaks leaks = new Leaks();
        startThreads();
        watchUntil(begun + (long) (minutes * 60e9));
        sabotageStopped = true;
        join(saboteurs, Duration.ofSeconds(30));
        stopped = true;
        join(callers, Duration.ofSeconds(60));
        awaitEnds();
        lastRequests();
        lanes.forEach(Lane::close);
        awaitEnds();
        ledger.loseTheRest();
        interrupter.close();
        leaks.settle();
        return report(leaks);
    }

    private void startThreads() {
        SplittableRandom random = new SplittableRandom(seed);
        startCallers(fake, 12, 30, random);
        startCallers(real, 4, 30, random);
        startCallers(hf, 16, 30, random);
        startCallers(brief, 2, 250, random);
        startCallers(guarded, 2, 250, random);
        callers.add(start("soak-guarded-attacker", new Attacker(guarded, ledger, random.split(), () -> stopped)));
        startSaboteur(fake, FAKE_FAULTS, 2.5, random);
        startSaboteur(real, REAL_FAULTS, 12, random);
        startSaboteur(hf, REAL_FAULTS, 20, random);
        startSaboteur(brief, List.of(Fault.CLOSE, Fault.KILL), 0.5, random);
    }

    private void startCallers(Lane lane, int count, int mostPauseMs, SplittableRandom random) {
        for (int i = 0; i < count; i++) {
            Caller caller = new Caller(lane, mostPauseMs, ledger, interrupter, random.split(), () -> stopped);
            callers.add(start("soak-" + lane.name + "-caller-" + i, caller));
        }
    }

    private void startSaboteur(Lane lane, List<Fault> faults, double meanSeconds, SplittableRandom random) {
        Saboteur saboteur = new Saboteur(lane, ledger, random.split(), () -> sabotageStopped, faults, meanSeconds);
        saboteurs.add(start("soak-" + lane.name + "-saboteur", saboteur));
    }

    private static Thread start(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private void watchUntil(long end) throws InterruptedException {
        long nextProgress = begun + TimeUnit.SECONDS.toNanos(30);
        while (end - System.nanoTime() > 0) {
            Thread.sleep(2000);
            double mb = heap.sample(); // the collection also finds streams that were dropped
            ledger.sweep();
            if (System.nanoTime() - nextProgress > 0) {
                nextProgress += TimeUnit.SECONDS.toNanos(30);
                print(
                        "soak: %d s, requests %d, ok %d, typed failures %d, open %d, lost %d, duplicated %d, wrong %d, faults %d, restarts %d, heap %.1f MB"
                                .formatted(
                                        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun),
                                        ledger.requests.sum(),
                                        ledger.ok.sum(),
                                        ledger.failed(),
                                        ledger.open(),
                                        ledger.lost.get(),
                                        ledger.duplicated.get(),
                                        ledger.wrong.get(),
                                        faults().values().stream()
                                                .mapToInt(n -> n)
                                                .sum(),
                                        restarts(),
                                        mb));
            }
        }
    }

    private static void join(List<Thread> threads, Duration patience) throws InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        for (Thread thread : threads) {
            thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
        }
    }

    /** Waits until all requests have completed, including those of dropped streams. */
    private void awaitEnds() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (ledger.open() > 0 && end - System.nanoTime() > 0) {
            System.gc();
            Thread.sleep(200);
        }
    }

    /** Sends requests that are still open when the adapters are closed. */
    private void lastRequests() throws InterruptedException {
        SplittableRandom random = new SplittableRandom(seed + 1);
        for (Lane lane : lanes) {
            lane.journal.begin(Fault.CLOSE);
            for (int i = 0; i < 20; i++) {
                Work work = lane.source.lasting(random);
                Tracked one = new Tracked(ledger, lane, work, "last", false);
                one.generateAsync(work.request());
            }
        }
        Thread.sleep(random.nextInt(500));
    }

    private boolean report(Leaks leaks) {
        List<String> threads = leaks.threadNames();
        List<String> processes = leaks.processNames();
        List<String> folders = leaks.folderNames();
        int descriptors = leaks.descriptorsMore();
        threads.forEach(name -> print("LEAKED thread " + name));
        processes.forEach(name -> print("LEAKED process " + name));
        folders.forEach(name -> print("LEAKED folder " + name));
        double growth = heap.growth();
        print(
                "soak: seed %d, %s min, requests %d, ok %d, typed failures %d (%s), lost %d, duplicated %d, wrong %d, faults (%s), restarts %d, leaked threads %d, leaked processes %d, leaked folders %d, leaked descriptors %s, heap growth %.1f MB, slowest answer beside hostile requests %.1f s"
                        .formatted(
                                seed,
                                plain(minutes),
                                ledger.requests.sum(),
                                ledger.ok.sum(),
                                ledger.failed(),
                                list(ledger.failures()),
                                ledger.lost.get(),
                                ledger.duplicated.get(),
                                ledger.wrong.get(),
                                list(faults()),
                                restarts(),
                                threads.size(),
                                processes.size(),
                                folders.size(),
                                Leaks.countsDescriptors() ? Integer.toString(descriptors) : "not counted here",
                                growth,
                                guarded.slowest().toMillis() / 1000.0));
        return ledger.lost.get() + ledger.duplicated.get() + ledger.wrong.get() == 0
                && threads.size() + processes.size() + folders.size() + descriptors == 0
                && growth <= Heap.MAX_GROWTH_MB;
    }

    private Map<Fault, Integer> faults() {
        Map<Fault, Integer> counts = new EnumMap<>(Fault.class);
        lanes.forEach(lane -> lane.journal.counts().forEach((fault, n) -> counts.merge(fault, n, Integer::sum)));
        return counts;
    }

    private int restarts() {
        return lanes.stream().mapToInt(lane -> lane.launches.get() - 1).sum();
    }

    private static String list(Map<?, ? extends Number> counts) {
        return counts.entrySet().stream()
                .map(count -> count.getKey() + " " + count.getValue())
                .collect(Collectors.joining(", "));
    }

    private static String plain(double number) {
        return number == Math.rint(number) ? Long.toString((long) number) : String.format(Locale.ROOT, "%s", number);
    }

    private void print(String line) {
        System.out.println(line);
    }
}
