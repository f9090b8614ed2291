package io.github.mlx4j.langchain4j;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Creates the futures of LangChain4j's asynchronous calls. If such a future is completed or cancelled early, its call
 * is cancelled.
 */
final class Futures {

    private Futures() {}

    /** Starts a call and returns a future of its result, converted by {@code answer}. */
    static <T, R> CompletableFuture<R> of(Supplier<CompletableFuture<T>> start, Function<T, R> answer) {
        CompletableFuture<R> future = new CompletableFuture<>();
        try {
            CompletableFuture<T> running = start.get();
            future.whenComplete((value, error) -> running.cancel(true)); // has no effect on a completed call
            running.whenComplete((value, error) -> {
                if (error != null) {
                    future.completeExceptionally(Failures.of(error));
                } else {
                    complete(future, () -> answer.apply(value));
                }
            });
        } catch (Throwable refused) {
            future.completeExceptionally(Failures.of(refused));
        }
        return future;
    }

    /** Runs a blocking call on a new daemon thread. The call must be cancellable by an interrupt. */
    static <T> CompletableFuture<T> waiting(String name, Supplier<T> call) {
        CompletableFuture<T> future = new CompletableFuture<>();
        AtomicBoolean returned = new AtomicBoolean();
        Thread thread = new Thread(
                () -> complete(future, () -> {
                    try {
                        return call.get();
                    } finally {
                        returned.set(true);
                    }
                }),
                name);
        thread.setDaemon(true);
        future.whenComplete((value, error) -> {
            if (!returned.get()) { // the caller's own continuations must not be interrupted
                thread.interrupt();
            }
        });
        thread.start();
        return future;
    }

    private static <T> void complete(CompletableFuture<T> future, Supplier<T> value) {
        T result;
        try {
            result = value.get();
        } catch (Throwable failure) {
            future.completeExceptionally(Failures.of(failure));
            return;
        }
        future.complete(result);
    }
}
