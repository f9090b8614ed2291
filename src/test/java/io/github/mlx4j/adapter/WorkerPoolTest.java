package io.github.mlx4j.adapter;

import static io.github.mlx4j.FutureAssertions.assertFails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.config.WorkerPoolConfig;
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
class WorkerPoolTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<String> stopped = new CopyOnWriteArrayList<>();
    private final List<String> atWork = new CopyOnWriteArrayList<>(); // as they were stopped
    private final List<Model> models = new ArrayList<>();
    private final AtomicInteger looks = new AtomicInteger();
    private final long memory = 100; // bytes that there are for all

    /** A worker that is up as soon as a request is admitted, and uses as much memory as its model needs. */
    private final class Model implements WorkerPool.PooledWorker {

        private final String name;
        private final long need;
        private final WorkerPool.Slot slot;
        private final AtomicInteger working = new AtomicInteger();
        private volatile boolean up;
        private volatile boolean broken;
        private volatile boolean able = true;
        private volatile CountDownLatch slow = new CountDownLatch(0); // its end

        Model(WorkerPool pool, String name, long need) {
            this.name = name;
            this.need = need;
            this.slot = pool.slot(this);
            models.add(this);
        }

        /** A request, which has the worker started once it is let in. */
        Request request() {
            WorkerPool.Lease lease = slot.enter();
            return new Request(lease, lease.granted().thenRun(() -> up = able && !broken));
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
     * @param lease its lease
     * @param begun completes when the request is admitted and its worker is up
     */
    private record Request(WorkerPool.Lease lease, CompletableFuture<Void> begun) {

        void leave() {
            lease.leave();
        }
    }

    private WorkerPool pool(WorkerPoolConfig options) {
        return new WorkerPool(options, ModelRegistry.builtIn(), held -> {
            looks.incrementAndGet();
            return OptionalLong.of(memory - held);
        });
    }

    private WorkerPool one() {
        return pool(WorkerPoolConfig.builder().maxWorkers(1).build());
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
        WorkerPool pool = pool(WorkerPoolConfig.DEFAULT);

        assertIn(
                new Model(pool, "a", 50).request(),
                new Model(pool, "b", 30).request(),
                new Model(pool, "c", 20).request());

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldStopTheIdleOneThatWasUsedLeastRecentlyUntilTheNextFits() {
        WorkerPool pool = pool(WorkerPoolConfig.DEFAULT);
        Model a = new Model(pool, "a", 30);
        Model b = new Model(pool, "b", 30);
        Model c = new Model(pool, "c", 30);
        for (Model model : List.of(a, b, c, a)) { // so b is the oldest
            Request lease = model.request();
            assertIn(lease);
            lease.leave();
        }

        assertIn(new Model(pool, "d", 60).request());

        assertThat(stopped).containsExactly("b to make room for d", "c to make room for d");
        assertThat(a.up).isTrue();
    }

    @Test
    void shouldCountWhatAWorkerIsStillToTake() {
        WorkerPool pool = pool(WorkerPoolConfig.DEFAULT);
        Model loading = new Model(pool, "loading", 80);
        WorkerPool.Lease first = loading.slot.enter(); // let in, and nothing taken yet
        assertThat(first.granted()).isCompleted();

        Request second = new Model(pool, "b", 30).request();

        assertWaits(second);
        first.leave();
        assertIn(second);
    }

    @Test
    void shouldTakeAModelOfUnknownSizeForOneThatFits() {
        WorkerPool pool = pool(WorkerPoolConfig.DEFAULT);

        assertIn(new Model(pool, "a", 100).request(), new Model(pool, "unknown", 0).request());
    }

    @Test
    void shouldStartTheOnlyOneWhateverItNeeds() {
        assertIn(new Model(pool(WorkerPoolConfig.DEFAULT), "a", 1000).request());
    }

    @Test
    void shouldWaitForAWorkerAtWorkAndLetLaterRequestsOfItWaitBehind() {
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        Model b = new Model(pool, "b", 10);
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
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        Model b = new Model(pool, "b", 10);
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
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        Request working = a.request();
        Request next = new Model(pool, "b", 10).request();

        next.leave();
        next.leave();
        working.leave();

        assertIn(a.request());
        assertThat(next.begun()).isNotDone();
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldNotLetInARequestOfAWorkerThatIsBeingStopped() {
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        a.request().leave();
        a.slow = new CountDownLatch(1);
        Request next = new Model(pool, "b", 10).request();
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
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        Model broken = new Model(pool, "broken", 10);
        broken.broken = true;
        assertIn(a.request());

        assertThat(broken.request().begun()).isCompleted();

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldNotMakeRoomForAWorkerThatCannotRunHere() {
        WorkerPool pool = one();
        Model a = new Model(pool, "a", 10);
        a.request().leave();
        Model unable = new Model(pool, "unable", 10);
        unable.able = false;

        assertIn(unable.request()); // to hear why

        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldLetAWaitEndWhenItsWorkerIsClosed() {
        WorkerPool pool = one();
        assertIn(new Model(pool, "a", 10).request());
        Model b = new Model(pool, "b", 10);
        Request next = b.request();

        b.broken = true;
        pool.lookAgain();

        assertIn(next);
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldGiveUpWithTheFiguresWhenMemoryIsTakenForTooLong() {
        WorkerPool pool =
                pool(WorkerPoolConfig.builder().longestWait(Duration.ZERO).build());
        Model a = new Model(pool, "a", 80);
        assertIn(a.request());
        Request next = new Model(pool, "b", 30).request();

        assertFails(next.begun(), WorkerBusyException.class)
                .withMessage("There was no room for b for 0 s, because busy workers are not stopped: a."
                        + " It needs 30 bytes (by the test), and 20 bytes are available after a reserve of 1.1 GB."
                        + " What to do: Try again later, use a smaller model for the role, or close other programs;"
                        + " MLX4J_MEMORY_RESERVE_MB sets how much memory is kept free.")
                .satisfies(error -> assertThat(error.code()).isEqualTo("BUSY"));
        assertIn(a.request());
        assertThat(stopped).isEmpty();
    }

    @Test
    void shouldGiveUpWithTheNumberWhenThereMayBeNoMoreForTooLong() {
        WorkerPool pool = pool(WorkerPoolConfig.builder()
                .maxWorkers(1)
                .longestWait(Duration.ZERO)
                .build());
        assertIn(new Model(pool, "a", 10).request());

        assertFails(new Model(pool, "b", 10).request().begun(), WorkerBusyException.class)
                .withMessage("There was no room for b for 0 s, because busy workers are not stopped: a."
                        + " The maximum number of workers is 1. What to do: Try again later, raise MLX4J_MAX_WORKERS,"
                        + " or use the same model for several roles.");
    }

    @Test
    void shouldStopAnIdleOneEvenWhenNobodyMayWait() {
        WorkerPool pool = pool(WorkerPoolConfig.builder()
                .maxWorkers(1)
                .longestWait(Duration.ZERO)
                .build());
        Request first = new Model(pool, "a", 10).request();
        assertIn(first);
        first.leave();

        assertIn(new Model(pool, "b", 10).request());
    }

    @Test
    void shouldTellWhoWaitsOfAFault() {
        WorkerPool pool = new WorkerPool(WorkerPoolConfig.DEFAULT, ModelRegistry.builtIn(), held -> {
            throw new IllegalStateException("no such file");
        });
        assertIn(new Model(pool, "a", 10).request());
        Model b = new Model(pool, "b", 10);

        for (int twice = 0; twice < 2; twice++) {
            assertFails(b.request().begun(), WorkerStartException.class)
                    .withMessageContaining("Making room for b failed unexpectedly")
                    .satisfies(error -> assertThat(error.getCause()).hasMessage("no such file"));
        }
    }

    @Test
    void shouldServeEveryoneAndNeverHaveTooManyWhenManyComeAtOnce() {
        WorkerPool pool = pool(WorkerPoolConfig.builder().maxWorkers(2).build());
        List<Model> four = IntStream.range(0, 4)
                .mapToObj(i -> new Model(pool, "m" + i, 30))
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
        WorkerPool.Lease lease = model.slot.enter();
        try {
            if (impatient) {
                return; // it leaves, whether it was let in or not
            }
            lease.granted().join();
            model.working.incrementAndGet();
            model.up = true;
            assertThat(models.stream().filter(Model::isUp).count()).isLessThanOrEqualTo(2);
            Thread.yield();
            model.working.decrementAndGet();
        } finally {
            lease.leave();
        }
    }
}
