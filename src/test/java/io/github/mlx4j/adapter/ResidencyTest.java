package io.github.mlx4j.adapter;

import static io.github.mlx4j.Failures.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.config.ResidencyOptions;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerStartException;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.model.registry.ModelRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ResidencyTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<String> stopped = new CopyOnWriteArrayList<>();
    private final List<String> atWork = new CopyOnWriteArrayList<>(); // as they were stopped
    private final List<Model> models = new ArrayList<>();
    private final AtomicInteger looks = new AtomicInteger();
    private final long memory = 100; // bytes that there are for all

    /** A worker that is up as soon as a request is let in, and takes what its model needs. */
    private final class Model implements Residency.Resident {

        private final String name;
        private final long need;
        private final Residency.Seat seat;
        private final AtomicInteger working = new AtomicInteger();
        private volatile boolean up;
        private volatile boolean broken;
        private volatile boolean able = true;
        private volatile CountDownLatch slow = new CountDownLatch(0); // its end

        Model(Residency residency, String name, long need) {
            this.name = name;
            this.need = need;
            this.seat = residency.seat(this);
            models.add(this);
        }

        /** A request, which has the worker started once it is let in. */
        Request request() {
            Residency.Stay stay = seat.enter();
            return new Request(stay, stay.granted().thenRun(() -> up = able && !broken));
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public boolean isUp() {
            return up;
        }

        @Override
        public boolean wouldStart() {
            return !up && !broken;
        }

        @Override
        public boolean canRun() {
            return able;
        }

        @Override
        public MemoryNeed need() {
            return new MemoryNeed(need, need > 0, "by the test");
        }

        @Override
        public long takenBytes() {
            return up ? need : 0;
        }

        @Override
        public void stop(String why) {
            if (working.get() > 0) {
                atWork.add(name);
            }
            stopped.add(name + " " + why);
            try {
                slow.await();
            } catch (InterruptedException interrupt) {
                throw new IllegalStateException(interrupt);
            }
            up = false;
        }
    }

    /**
     * A request.
     *
     * @param stay its stay
     * @param begun completes once it was let in and its worker is up
     */
    private record Request(Residency.Stay stay, CompletableFuture<Void> begun) {

        void leave() {
            stay.leave();
        }
    }

    private Residency residency(ResidencyOptions options) {
        return new Residency(options, ModelRegistry.builtIn(), held -> {
            looks.incrementAndGet();
            return OptionalLong.of(memory - held);
        });
    }

    private Residency one() {
        return residency(ResidencyOptions.DEFAULT.withMaxWorkers(1));
    }

    private static void assertIn(Request... requests) {
        assertThat(requests).allSatisfy(request -> assertThat(request.begun()).succeedsWithin(SOON));
    }

    /** Those who wait have been looked at once more, and it was not let in. */
    private void assertWaits(Request request) {
        int before = looks.get();
        await().atMost(SOON).until(() -> looks.get() >= before + 2); // the first of them is over then
        assertThat(request.begun()).isNotDone();
    }

    @Test
    void shouldLetInAtOnceWhoeverSharesAWorker() {
        Model a = new Model(one(), "a", 50);

        Request first = a.request();
        Request second = a.request();

        assertThat(first.begun()).isCompleted();
        assertThat(second.begun()).isCompleted();
    }

    @Test
    void shouldHaveWorkersBesideEachOtherWhenTheyFit() {
        Residency residency = residency(ResidencyOptions.DEFAULT);

        assertIn(
                new Model(residency, "a", 50).request(),
                new Model(residency, "b", 30).request(),
                new Model(residency, "c", 20).request());

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldStopTheIdleOneThatWasUsedLeastRecentlyUntilTheNextFits() {
        Residency residency = residency(ResidencyOptions.DEFAULT);
        Model a = new Model(residency, "a", 30);
        Model b = new Model(residency, "b", 30);
        Model c = new Model(residency, "c", 30);
        for (Model model : List.of(a, b, c, a)) { // so b is the oldest
            Request stay = model.request();
            assertIn(stay);
            stay.leave();
        }

        assertIn(new Model(residency, "d", 60).request());

        assertThat(stopped).containsExactly("b to make room for d", "c to make room for d");
        assertThat(a.up).isTrue();
    }

    @Test
    void shouldCountWhatAWorkerIsStillToTake() {
        Residency residency = residency(ResidencyOptions.DEFAULT);
        Model loading = new Model(residency, "loading", 80);
        Residency.Stay first = loading.seat.enter(); // let in, and nothing taken yet
        assertThat(first.granted()).isCompleted();

        Request second = new Model(residency, "b", 30).request();

        assertWaits(second);
        first.leave();
        assertIn(second);
    }

    @Test
    void shouldTakeAModelOfUnknownSizeForOneThatFits() {
        Residency residency = residency(ResidencyOptions.DEFAULT);

        assertIn(new Model(residency, "a", 100).request(), new Model(residency, "unknown", 0).request());
    }

    @Test
    void shouldStartTheOnlyOneWhateverItNeeds() {
        assertIn(new Model(residency(ResidencyOptions.DEFAULT), "a", 1000).request());
    }

    @Test
    void shouldWaitForAWorkerAtWorkAndLetLaterRequestsOfItWaitBehind() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        Model b = new Model(residency, "b", 10);
        Request working = a.request();

        Request next = b.request();
        Request later = a.request();
        assertWaits(next);
        assertWaits(later);
        assertThat(stopped).isEmpty();

        working.leave();
        assertIn(next);
        assertWaits(later);
        assertThat(stopped).containsExactly("a to make room for b");

        next.leave();
        assertIn(later);
        assertThat(stopped).containsExactly("a to make room for b", "b to make room for a");
    }

    @Test
    void shouldLetInTogetherAllThatWaitForOneModel() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        Model b = new Model(residency, "b", 10);
        Request working = a.request();
        Request first = b.request();
        Request other = a.request();
        Request second = b.request();

        working.leave();

        assertIn(first, second);
        assertWaits(other);
        assertThat(stopped).containsExactly("a to make room for b");
    }

    @Test
    void shouldStopNobodyWhenTheOneWhoWaitedDoesNotWantToAnyLonger() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        Request working = a.request();
        Request next = new Model(residency, "b", 10).request();

        next.leave();
        next.leave();
        working.leave();

        assertIn(a.request());
        assertThat(next.begun()).isNotDone();
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldNotLetInARequestOfAWorkerThatIsBeingStopped() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        a.request().leave();
        a.slow = new CountDownLatch(1);
        Request next = new Model(residency, "b", 10).request();
        await().atMost(SOON).until(() -> !stopped.isEmpty());
        next.leave();

        Request again = a.request();

        assertThat(again.begun()).isNotDone();
        a.slow.countDown();
        assertIn(again);
        assertThat(a.up).as("it began after the end").isTrue();
    }

    @Test
    void shouldNotMakeRoomForAWorkerThatWouldFailAtOnce() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        Model broken = new Model(residency, "broken", 10);
        broken.broken = true;
        assertIn(a.request());

        assertThat(broken.request().begun()).isCompleted();

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldNotMakeRoomForAWorkerThatCannotRunHere() {
        Residency residency = one();
        Model a = new Model(residency, "a", 10);
        a.request().leave();
        Model unable = new Model(residency, "unable", 10);
        unable.able = false;

        assertIn(unable.request()); // to hear why

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldLetAWaitEndWhenItsWorkerIsClosed() {
        Residency residency = one();
        assertIn(new Model(residency, "a", 10).request());
        Model b = new Model(residency, "b", 10);
        Request next = b.request();

        b.broken = true;
        residency.lookAgain();

        assertIn(next);
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldGiveUpWithTheFiguresWhenMemoryIsTakenForTooLong() {
        Residency residency = residency(ResidencyOptions.DEFAULT.withLongestWait(Duration.ZERO));
        Model a = new Model(residency, "a", 80);
        assertIn(a.request());
        Request next = new Model(residency, "b", 30).request();

        assertFails(next.begun(), WorkerBusyException.class)
                .withMessage("For b there was no room for 0 s, since workers that are at work are not stopped: a."
                        + " It takes 30 bytes (by the test), and 20 bytes are available beside a reserve of 1.1 GB."
                        + " What to do: Try again later, give the role a smaller model, or close other programs;"
                        + " MLX4J_MEMORY_RESERVE_MB is what is left free.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("BUSY"));
        assertIn(a.request());
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldGiveUpWithTheNumberWhenThereMayBeNoMoreForTooLong() {
        Residency residency =
                residency(ResidencyOptions.DEFAULT.withMaxWorkers(1).withLongestWait(Duration.ZERO));
        assertIn(new Model(residency, "a", 10).request());

        assertFails(new Model(residency, "b", 10).request().begun(), WorkerBusyException.class)
                .withMessage("For b there was no room for 0 s, since workers that are at work are not stopped: a."
                        + " There may be 1 at once. What to do: Try again later, allow more with MLX4J_MAX_WORKERS,"
                        + " or give the roles one model.");
    }

    @Test
    void shouldStopAnIdleOneEvenWhenNobodyMayWait() {
        Residency residency =
                residency(ResidencyOptions.DEFAULT.withMaxWorkers(1).withLongestWait(Duration.ZERO));
        Request first = new Model(residency, "a", 10).request();
        assertIn(first);
        first.leave();

        assertIn(new Model(residency, "b", 10).request());
    }

    @Test
    void shouldTellWhoWaitsOfAFault() {
        Residency residency = new Residency(ResidencyOptions.DEFAULT, ModelRegistry.builtIn(), held -> {
            throw new IllegalStateException("no such file");
        });
        assertIn(new Model(residency, "a", 10).request());
        Model b = new Model(residency, "b", 10);

        for (int twice = 0; twice < 2; twice++) {
            assertFails(b.request().begun(), WorkerStartException.class)
                    .withMessageContaining("a fault in looking for room for b")
                    .satisfies(error -> assertThat(error.getCause()).hasMessage("no such file"));
        }
    }

    @Test
    void shouldServeEveryoneAndNeverHaveTooManyWhenManyComeAtOnce() {
        Residency residency = residency(ResidencyOptions.DEFAULT.withMaxWorkers(2));
        List<Model> four = IntStream.range(0, 4)
                .mapToObj(i -> new Model(residency, "m" + i, 30))
                .toList();
        AtomicInteger served = new AtomicInteger();
        List<Throwable> faults = new CopyOnWriteArrayList<>();

        List<CompletableFuture<Void>> callers = IntStream.range(0, 8)
                .mapToObj(seed -> CompletableFuture.runAsync(
                        () -> {
                            Random random = new Random(seed);
                            for (int round = 0; round < 200; round++) {
                                try {
                                    use(four.get(random.nextInt(4)), random.nextInt(10) == 0);
                                    served.incrementAndGet();
                                } catch (Throwable fault) {
                                    faults.add(fault);
                                }
                            }
                        },
                        work -> new Thread(work).start()))
                .toList();

        assertThat(callers).allSatisfy(caller -> assertThat(caller).succeedsWithin(40, TimeUnit.SECONDS));
        assertThat(faults).isEmpty();
        assertThat(atWork).isEmpty();
        assertThat(served).hasValue(8 * 200);
        assertThat(stopped).as("they did take turns").isNotEmpty();
    }

    private void use(Model model, boolean impatient) {
        Residency.Stay stay = model.seat.enter();
        try {
            if (impatient) {
                return; // it leaves, whether it was let in or not
            }
            stay.granted().join();
            model.working.incrementAndGet();
            model.up = true;
            assertThat(models.stream().filter(Model::isUp).count()).isLessThanOrEqualTo(2);
            Thread.yield();
            model.working.decrementAndGet();
        } finally {
            stay.leave();
        }
    }
}
