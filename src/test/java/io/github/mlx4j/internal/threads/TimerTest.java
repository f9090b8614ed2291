package io.github.mlx4j.internal.threads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TimerTest {

    @Test
    void shouldRunATaskWhileAnotherOneBlocks() throws Exception {
        CountDownLatch forEver = new CountDownLatch(1);
        CountDownLatch blocks = new CountDownLatch(1);
        CompletableFuture<Void> other = new CompletableFuture<>();
        try {
            Timer.after(Duration.ofMillis(1), "blocks", () -> {
                blocks.countDown();
                try {
                    forEver.await();
                } catch (InterruptedException interrupt) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThat(blocks.await(20, TimeUnit.SECONDS)).isTrue();

            Timer.after(Duration.ofMillis(1), "other", () -> other.complete(null));

            assertThat(other).succeedsWithin(Duration.ofSeconds(20));
        } finally {
            forEver.countDown();
        }
    }

    @Test
    void shouldNeverComeWhenTheDelayIsLongerThanTimeItself() {
        Future<?> never = Timer.after(ChronoUnit.FOREVER.getDuration(), "never", () -> {});

        assertThat(never.isDone()).isFalse();
        never.cancel(false);
    }

    @Test
    void shouldKeepNoClassLoaderOfACaller() throws Exception {
        ClassLoader callers = new URLClassLoader(new URL[0]);
        CompletableFuture<ClassLoader> seen = new CompletableFuture<>();
        Thread caller = new Thread(() -> Timer.after(
                Duration.ofMillis(1),
                "task",
                () -> seen.complete(Thread.currentThread().getContextClassLoader())));
        caller.setContextClassLoader(callers);
        caller.start();

        assertThat(seen.get(20, TimeUnit.SECONDS)).isNotSameAs(callers);
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getContextClassLoader)
                .doesNotContain(callers);
    }

    @Test
    void shouldEndItsThreadWhenThereIsNothingToWaitFor() {
        Timer.after(Duration.ofMillis(1), "task", () -> {});

        await().atMost(Duration.ofSeconds(30))
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("mlx4j-timer")));
    }
}
