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

/** A provider with a model to benchmark. */
public interface BenchmarkedModel {

    /** Returns the name used in reports, such as {@code mlx}. */
    String name();

    /**
     * Loads a new instance of the model and waits until it is ready.
     *
     * @throws Mlx4jException if the model can't be loaded here; the reason appears in the report
     */
    Loaded load();

    /**
     * Opens a LoRA training session for the model, in its own worker.
     *
     * @throws Mlx4jException if the model can't be trained here; the reason appears in the report
     */
    Training train();

    /** A training session, until it is closed. */
    interface Training extends AutoCloseable {

        /** Returns the maximum number of tokens of a sequence. */
        int maxLength();

        /** Performs a training step on the given batch. */
        TrainingStep step(Batch batch);

        @Override
        void close();
    }

    /** A loaded model, until it is closed. */
    interface Loaded extends AutoCloseable {

        /** Returns the port that generates text. */
        TextGenerationPort text();

        /** Returns the tokenizer; empty if the provider has none. */
        Optional<TokenizerPort> tokenizer();

        /** Returns whether prompts are chats. Models without a chat template get raw text. */
        boolean chat();

        /** Returns how long loading took. */
        Map<Metric, Double> loadTimes();

        /**
         * Samples the model's memory use, and returns all samples so far, oldest first; empty if memory can't be
         * measured.
         */
        List<WorkerMemory> memory();

        /** Returns a description: model, device and versions. */
        Map<String, String> facts();

        @Override
        void close();
    }
}
