package io.github.mlx4j.bench;

import com.fasterxml.jackson.annotation.JsonKey;

/** What is measured in each run, where it can be. */
public enum Metric {
    /** From the factory's making until the model is ready. */
    LOAD("loadSeconds", "load", "s"),
    /** Of it, the start of the worker's process. */
    LOAD_PROCESS("processSeconds", "… process", "s"),
    /** Of it, the imports. */
    LOAD_PACKAGES("packagesSeconds", "… packages", "s"),
    /** Of it, the model. */
    LOAD_MODEL("modelSeconds", "… model", "s"),
    /** Tokens of the prompt, as the answer's usage says. */
    PROMPT_TOKENS("promptTokens", "prompt", "tokens"),
    /** Prompt tokens that were computed, by the time from the start of prefill to the first token. */
    PROMPT_SPEED("promptTokensPerSecond", "prompt", "tokens/s"),
    /** From the call until the caller has the first token. */
    FIRST_TOKEN("firstTokenMs", "time to first token", "ms"),
    /** Tokens of the answer, as its usage says. */
    ANSWER_TOKENS("answerTokens", "answer", "tokens"),
    /** Tokens after the first one, by the time from the first to the last. */
    GENERATION_SPEED("generationTokensPerSecond", "generation", "tokens/s"),
    /** What the engine has in use after the answer. */
    MEMORY_ACTIVE("activeMb", "memory, active", "MB"),
    /** The most that the engine had in use. */
    MEMORY_PEAK("peakMb", "memory, peak", "MB"),
    /** The most that the process had of the machine's memory, of all looks at it. */
    MEMORY_RESIDENT("residentMb", "memory, resident", "MB"),
    /** The processors' mean power during the answer. */
    POWER("watts", "power", "W"),
    /** The processors' energy during the answer, prefill included, by the answer's tokens. */
    ENERGY("joulesPerToken", "energy", "J/token"),
    /** Tokens that count in the loss of steps that train LoRA, by the worker's time for these steps. */
    TRAINING_SPEED("trainingTokensPerSecond", "training", "tokens/s");

    private final String id;
    private final String words;
    private final String unit;

    Metric(String id, String words, String unit) {
        this.id = id;
        this.words = words;
        this.unit = unit;
    }

    /** Its name in JSON, with its unit. */
    @JsonKey
    public String id() {
        return id;
    }

    /** Its name and unit in a table. */
    public String words() {
        return words + ", " + unit;
    }
}
