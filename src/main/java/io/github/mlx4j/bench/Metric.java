package io.github.mlx4j.bench;

import com.fasterxml.jackson.annotation.JsonKey;

/** The metrics of each run, as far as they can be measured. */
public enum Metric {
    /** Time from the creation of the factory until the model is ready. */
    LOAD("loadSeconds", "load", "s"),
    /** The part of the load time for starting the worker's process. */
    LOAD_PROCESS("processSeconds", "… process", "s"),
    /** The part of the load time for importing packages. */
    LOAD_PACKAGES("packagesSeconds", "… packages", "s"),
    /** The part of the load time for loading the model. */
    LOAD_MODEL("modelSeconds", "… model", "s"),
    /** Number of prompt tokens, according to the answer's usage. */
    PROMPT_TOKENS("promptTokens", "prompt", "tokens"),
    /** Computed prompt tokens, divided by the time from the start of prefill to the first token. */
    PROMPT_SPEED("promptTokensPerSecond", "prompt", "tokens/s"),
    /** Time from the call until the caller receives the first token. */
    FIRST_TOKEN("firstTokenMs", "time to first token", "ms"),
    /** Number of tokens of the answer, according to its usage. */
    ANSWER_TOKENS("answerTokens", "answer", "tokens"),
    /** Tokens after the first one, divided by the time from the first to the last token. */
    GENERATION_SPEED("generationTokensPerSecond", "generation", "tokens/s"),
    /** Memory that the engine uses after the answer. */
    MEMORY_ACTIVE("activeMb", "memory, active", "MB"),
    /** Peak memory of the engine. */
    MEMORY_PEAK("peakMb", "memory, peak", "MB"),
    /** Maximum resident memory of the process over all samples. */
    MEMORY_RESIDENT("residentMb", "memory, resident", "MB"),
    /** Mean power of the processors during the answer. */
    POWER("watts", "power", "W"),
    /**
     * Energy used by the processors during the answer, including prefill, divided by the number of tokens of the
     * answer.
     */
    ENERGY("joulesPerToken", "energy", "J/token"),
    /**
     * Tokens that count in the loss of LoRA training steps, divided by the time of these steps according to the worker.
     */
    TRAINING_SPEED("trainingTokensPerSecond", "training", "tokens/s");

    private final String id;
    private final String words;
    private final String unit;

    Metric(String id, String words, String unit) {
        this.id = id;
        this.words = words;
        this.unit = unit;
    }

    /** Returns the metric's name in JSON, which includes its unit. */
    @JsonKey
    public String id() {
        return id;
    }

    /** Returns the metric's name and unit for a table. */
    public String words() {
        return words + ", " + unit;
    }
}
