package io.github.mlx4j.internal.protocol;

/** The methods that Java calls. Golden tests compare them with the methods that the Python workers implement. */
public enum Method {
    PING("ping", false),
    INITIALIZE("initialize", false),
    INSPECT("inspect", false),
    GENERATE("generate", true),
    EMBED("embed", true),
    TOKENIZE("tokenize", true),
    COUNT_TOKENS("countTokens", true),
    APPLY_TEMPLATE("applyTemplate", true),
    LOGITS("logits", true),
    SCORE("score", true),
    RERANK("rerank", true),
    PARAMETERS("parameters", true),
    CLASSIFY_ACTIONS("classifyActions", true),
    FETCH_MODEL("fetchModel", false),
    MODEL_INFO("modelInfo", false),
    REMOVE_MODEL("removeModel", false),
    CONVERT("convert", false),
    FUSE("fuse", false),
    REFERENCE("reference", false),
    OPEN_TRAINING("openTraining", false),
    TRAIN_STEP("trainStep", true),
    ACCUMULATE("accumulate", true),
    APPLY_GRADIENTS("applyGradients", true),
    VALIDATE("validate", true),
    GRADIENTS("gradients", true),
    SAVE_CHECKPOINT("saveCheckpoint", true),
    LOAD_CHECKPOINT("loadCheckpoint", true),
    SAVE_ADAPTER("saveAdapter", true),
    SAVE_MODEL("saveModel", true);

    private final String id;
    private final boolean engine;

    Method(String id, boolean engine) {
        this.id = id;
        this.engine = engine;
    }

    /** Returns the method's name on the wire. */
    public String id() {
        return id;
    }

    /**
     * Returns whether the method uses the engine. A worker with such a call open is busy, and is considered hung if its
     * engine makes no progress.
     */
    public boolean usesEngine() {
        return engine;
    }
}
