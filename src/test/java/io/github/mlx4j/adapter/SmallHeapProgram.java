package io.github.mlx4j.adapter;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.worker.RestartBudget;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Opens streams that nobody reads in a JVM with a small heap, and prints how each ended, followed by one more answer.
 * Arguments: the number of streams, the script of each, and the script of the last request.
 */
public final class SmallHeapProgram {

    private SmallHeapProgram() {}

    public static void main(String[] args) throws InterruptedException {
        WorkerConfig options = WorkerConfig.builder().maxRequests(100).build();
        try (MlxSubprocessAdapter llm = new MlxSubprocessAdapter(new WorkerSettings(
                "{\"context\":1000000}",
                false,
                FakeWorker::ready,
                FakeWorker.SCRIPTS,
                RestartBudget.standard(),
                options))) {
            llm.warmUp();
            List<GenerationStream> streams = IntStream.range(0, Integer.parseInt(args[0]))
                    .mapToObj(i -> llm.stream(request(args[1])))
                    .toList();
            GenerationStream last = llm.stream(request(args[2]));
            while (llm.status().openRequests() > 0) { // nobody reads as long as the worker has work
                Thread.sleep(10);
            }
            streams.forEach(stream -> System.out.println(endOf(stream)));
            System.out.println(endOf(last));
            System.out.println(
                    llm.generate("Hi").text() + " of " + llm.status().history().size() + " events");
        }
    }

    private static GenerationRequest request(String script) {
        return GenerationRequest.raw(script).toBuilder().maxTokens(100_000).build();
    }

    private static String endOf(GenerationStream stream) {
        try {
            stream.forEach(event -> {});
            return stream.result().text();
        } catch (Mlx4jException error) {
            return error.code();
        }
    }
}
