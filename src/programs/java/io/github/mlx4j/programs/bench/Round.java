package io.github.mlx4j.programs.bench;

import io.github.mlx4j.report.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.ToDoubleFunction;

/**
 * The answers to callers that sent their requests at the same moment.
 *
 * @param answers one answer per caller
 * @param nanos the time from that moment to the end of the last answer, in nanoseconds
 */
record Round(List<Answer> answers, long nanos) {

    /** Runs each caller on its own thread; a single caller runs on the current thread. */
    static Round of(List<? extends Callable<Answer>> callers) {
        try {
            if (callers.size() == 1) {
                long begun = System.nanoTime();
                Answer answer = callers.get(0).call();
                return new Round(List.of(answer), System.nanoTime() - begun);
            }
            CountDownLatch start = new CountDownLatch(1);
            List<FutureTask<Answer>> tasks = new ArrayList<>();
            for (Callable<Answer> caller : callers) {
                FutureTask<Answer> task = new FutureTask<>(() -> {
                    start.await();
                    return caller.call();
                });
                Thread thread = new Thread(task, "bench-caller");
                thread.setDaemon(true);
                thread.start();
                tasks.add(task);
            }
            long begun = System.nanoTime();
            start.countDown();
            List<Answer> answers = new ArrayList<>();
            for (FutureTask<Answer> task : tasks) {
                answers.add(task.get());
            }
            return new Round(answers, System.nanoTime() - begun);
        } catch (ExecutionException failure) {
            throw new IllegalStateException(failure.getCause());
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    List<Answer> whole() {
        return answers.stream().filter(Answer::isWhole).toList();
    }

    /** Returns a value of an arm's round in each pair. */
    static double[] each(List<Map<Arm, Round>> pairs, Arm arm, ToDoubleFunction<Round> value) {
        return pairs.stream().map(pair -> pair.get(arm)).mapToDouble(value).toArray();
    }

    boolean hasTimePerToken() {
        return answers.stream().anyMatch(Answer::hasTimePerToken);
    }

    int lost() {
        return answers.size() - whole().size();
    }

    /**
     * Returns the throughput of all callers in tokens per second, from the first request to the end of the last answer.
     */
    double tokensPerSecond() {
        return answers.stream().mapToInt(Answer::count).sum() / (nanos / 1e9);
    }

    /** Returns the median of the callers' times per token, in milliseconds; at least one must have such a time. */
    double perTokenMs() {
        return Statistics.median(answers.stream()
                .filter(Answer::hasTimePerToken)
                .mapToDouble(Answer::perTokenMs)
                .toArray());
    }

    /** Returns the median of the callers' times to first token, in milliseconds. */
    double firstMs() {
        return Statistics.median(whole().stream().mapToDouble(Answer::firstMs).toArray());
    }
}
