package io.github.mlx4j.bench;

import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.training.Batch;
import io.github.mlx4j.training.TrainingStep;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A provider with a model, to be measured. */
public interface BenchmarkedModel {

    /** What reports call it, such as {@code mlx}. */
    String name();

    /**
     * Loads the model anew and waits until it is ready.
     *
     * @throws Mlx4jException if it can't be loaded here; the report has the reason
     */
    Loaded load();

    /**
     * Opens a training of LoRA on the model, in a worker of its own.
     *
     * @throws Mlx4jException if it can't be trained here; the report has the reason
     */
    Training train();

    /** A model in training, until it is closed. */
    interface Training extends AutoCloseable {

        /** The most tokens of a sequence. */
        int maxLength();

        /** Makes a step over this batch. */
        TrainingStep step(Batch batch);

        @Override
        void close();
    }

    /** A model that is ready, until it is closed. */
    interface Loaded extends AutoCloseable {

        /** Its text. */
        TextGenerationPort text();

        /** Its tokens; empty where they can't be told. */
        Optional<TokenizerPort> tokenizer();

        /** Whether prompts are chats; without a chat template they are raw text. */
        boolean chat();

        /** How long its load took. */
        Map<Metric, Double> loadTimes();

        /** Looks at what it takes now, after all looks so far, oldest first; empty where that can't be told. */
        List<WorkerMemory> memory();

        /** What it is: model, device, versions. */
        Map<String, String> facts();

        @Override
        void close();
    }
}
