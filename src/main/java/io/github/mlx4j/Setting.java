package io.github.mlx4j;

import java.util.Map;
import java.util.Optional;

/**
 * Every setting that {@link ProviderConfig#fromEnv()} reads. A system property of the same name comes before the
 * environment variable; an empty value counts as unset. {@code docs/configuration.md} is made from this.
 */
enum Setting {
    TASK_ORCHESTRATOR_PROVIDER(
            "auto",
            "Who answers: `auto`, `mlx`, `hf`, `ollama`, `openai`, `anthropic`. `auto` takes the first of mlx and hf that is"
                    + " available here, and never a remote service."),
    TASK_ORCHESTRATOR_FALLBACK(
            "`hf` behind mlx without an adapter, else none",
            "Who stands in when the provider fails before its first token: a list such as `hf`, or `none`."),
    MLX_MODEL("the registry's 4-bit Phi-3-mini", "Model of the mlx worker: a folder, or a hub id `org/name`."),
    HF_MODEL(
            "the counterpart of the mlx model",
            "Model of the hf worker: a folder, or a hub id. An unquantized folder in `MLX_MODEL` serves both."),
    MLX_ADAPTER_PATH(
            "",
            "Folder of a LoRA adapter for the mlx worker's model. hf has no adapters, so it does not stand in then."),
    MLX_DRAFT_MODEL(
            "",
            "Draft model of the mlx worker, which guesses tokens ahead: a folder, or a hub id. Requests run one after"
                    + " another then."),
    MLX_DRAFT_TOKENS("3", "How many tokens the draft model guesses ahead, 1 to 16."),
    MLX_KV_BITS(
            "",
            "`4` or `8` quantizes the KV cache of the mlx worker, which saves memory. Requests run one after another"
                    + " then."),
    MLX_KV_TOKENS(
            "",
            "The most tokens in the KV cache of the mlx worker, from 64 on; beyond them the oldest are forgotten."
                    + " Requests run one after another then. Not with `MLX_KV_BITS` or `MLX_DRAFT_MODEL`."),
    PYTHON_PATH("", "Python interpreter of every worker."),
    MLX4J_MLX_PYTHON("", "Python interpreter of the mlx worker; comes before `PYTHON_PATH`."),
    MLX4J_HF_PYTHON("", "Python interpreter of the hf worker; comes before `PYTHON_PATH`."),
    MLX4J_HOME("`~/.mlx4j`", "Folder of the managed environments that `mlx4j setup` makes."),
    MLX4J_ALLOW_ANY_PLATFORM("false", "`true` lets the mlx worker run elsewhere than on macOS with Apple silicon."),
    MLX4J_DOWNLOAD(
            "auto", "`auto` fetches a hub model that isn't in the cache on first use; `never` makes that an error."),
    MLX4J_HANG_SECONDS(
            "120", "How long a worker may have work to do without moving before it is ended and started anew."),
    MLX4J_IDLE_SECONDS(
            "0 (never)", "After how long without a request a worker is stopped; the next request starts it again."),
    MLX4J_MAX_REQUESTS(
            "256", "How many requests a worker takes at once, waiting ones included; one more fails with `BUSY`."),
    MLX4J_PREFIX_CACHE_MB(
            "1024",
            "The most memory (MiB) in which the mlx worker keeps finished prompts and answers for prompts that begin with"
                    + " them; 0 is off.");

    private final String defaultText;
    private final String effect;

    Setting(String defaultText, String effect) {
        this.defaultText = defaultText;
        this.effect = effect;
    }

    /** The default, as the documentation says it. */
    String defaultText() {
        return defaultText;
    }

    /** What it does, as the documentation says it. */
    String effect() {
        return effect;
    }

    /** Its value, if it is set. */
    Optional<String> in(Map<String, String> environment) {
        return Optional.ofNullable(environment.get(name())).map(String::strip).filter(value -> !value.isEmpty());
    }
}
