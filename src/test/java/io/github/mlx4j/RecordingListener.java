package io.github.mlx4j;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.BreakerState;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.event.ModelCall;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.event.WorkerView;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.port.RerankResult;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Records each event that it receives as a line. */
public final class RecordingListener implements Mlx4jListener {

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<ModelCall> calls = new CopyOnWriteArrayList<>();
    private final List<WorkerView> workers = new CopyOnWriteArrayList<>();

    /** Everything but workers so far, oldest first. */
    public List<String> lines() {
        return List.copyOf(lines);
    }

    /**
     * What happened to workers so far. The thread that starts one tells of {@code ready} when others use it already.
     */
    public List<String> events() {
        return List.copyOf(events);
    }

    /** The call of each line of one. */
    public List<ModelCall> calls() {
        return List.copyOf(calls);
    }

    /** The worker of each line of one, and of each look at memory. */
    public List<WorkerView> workers() {
        return List.copyOf(workers);
    }

    @Override
    public void onStart(ModelCall call) {
        add(call, "start " + call.operation().id() + " " + call.provider().id() + " " + call.model());
    }

    @Override
    public void onFirstToken(ModelCall call, Duration after) {
        add(call, "first token");
    }

    @Override
    public void onAnswer(ModelCall call, GenerationResult result, Duration took) {
        add(call, "answer " + result.text());
    }

    @Override
    public void onVectors(ModelCall call, int texts, Duration took) {
        add(call, "vectors " + texts);
    }

    @Override
    public void onScores(ModelCall call, RerankResult result, Duration took) {
        add(call, "scores " + result.scores());
    }

    @Override
    public void onFailure(ModelCall call, Mlx4jException error, Duration took) {
        add(call, "failure " + error.code());
    }

    @Override
    public void onWorker(WorkerView worker, WorkerStatus.Event event) {
        workers.add(worker);
        events.add(event.name());
    }

    @Override
    public void onMemory(WorkerView worker, WorkerMemory memory) {
        workers.add(worker);
    }

    @Override
    public void onBreaker(String provider, BreakerState state) {
        lines.add("breaker " + provider + " " + state);
    }

    @Override
    public void onFallback(String from, String to, Mlx4jException error) {
        lines.add("fallback " + from + " " + to + " " + error.code());
    }

    private void add(ModelCall call, String line) {
        calls.add(call);
        lines.add(line);
    }
}
