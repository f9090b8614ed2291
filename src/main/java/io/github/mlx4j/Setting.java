package io.github.mlx4j;

import java.util.Map;
import java.util.Optional;

/**
 * Every setting that {@link ProviderConfig#fromEnv()} reads, but for the models of roles ({@link RoleSettings}). A
 * system property of the same name comes before the environment variable; an empty value counts as unset.
 * {@code docs/configuration.md} is made from this.
 */
enum Setting {
    TASK_ORCHESTRATOR_PROVIDER(
            "auto",
            "The provider: `auto`, `mlx`, `hf`, `ollama`, `openai`, `anthropic`. `auto` uses the first"
                    + " available one of mlx, hf, and ollama on this machine, and never a remote service."),
    TASK_ORCHESTRATOR_FALLBACK(
            "`hf` for mlx, none with an mlx-lm adapter",
            "The providers to use if the first one fails before its first token: a list such as"
                    + " `hf,ollama`, or `none`."),
    MLX_MODEL("the registry's 4-bit Phi-3-mini", "Model for the mlx worker: a folder, or a hub id `org/name`."),
    HF_MODEL(
            "the counterpart of the mlx model",
            "Model for the hf worker: a folder, or a hub id. An unquantized folder in `MLX_MODEL` is used"
                    + " for both."),
    OLLAMA_MODEL("llama3.1", "Model for Ollama, which the server must have (`ollama pull`)."),
    OPENAI_MODEL("gpt-4 at OpenAI, none elsewhere", "Model for OpenAI, or for the server at `OPENAI_BASE_URL`."),
    ANTHROPIC_MODEL("", "Model for Anthropic."),
    OLLAMA_BASE_URL(
            "`http://localhost:11434`", "URL of the Ollama server. `auto` uses it only if it is on this machine."),
    OPENAI_BASE_URL(
            "`https://api.openai.com/v1`", "URL of OpenAI, or of a compatible server such as vLLM or mlx_lm.server."),
    ANTHROPIC_BASE_URL("`https://api.anthropic.com/v1`", "URL of Anthropic."),
    OPENAI_API_KEY("", "OpenAI API key, sent to `OPENAI_BASE_URL`. Other servers than OpenAI may not need one."),
    ANTHROPIC_API_KEY("", "Anthropic API key."),
    MLX4J_REMOTE_TIMEOUT_SECONDS("120", "How long a remote server may be silent before a request fails."),
    MLX_ADAPTER_PATH(
            "",
            "Folder of a LoRA adapter in PEFT or mlx-lm format. hf loads PEFT adapters only, and is not a"
                    + " fallback with an mlx-lm adapter."),
    MLX_DRAFT_MODEL(
            "",
            "Draft model for speculative decoding in the mlx worker: a folder, or a hub id. Requests then"
                    + " run one at a time."),
    MLX_DRAFT_TOKENS("3", "Number of tokens that the draft model proposes at a time, 1 to 16."),
    MLX_KV_BITS(
            "",
            "`4` or `8` quantizes the KV cache of the mlx worker to save memory. Requests then run one at a"
                    + " time."),
    MLX_KV_TOKENS(
            "",
            "Maximum number of tokens in the KV cache of the mlx worker, at least 64; beyond it, the oldest"
                    + " are dropped. Requests then run one at a time. Not with `MLX_KV_BITS` or `MLX_DRAFT_MODEL`."),
    MLX4J_RANKS(
            "",
            "Distributes the model of the mlx worker over 2 to 16 processes on this machine"
                    + " ([more](distributed.md)). Requests then run one at a time. In training, the processes share"
                    + " each batch."),
    MLX4J_HOSTS(
            "",
            "The same over the machines in a host file, the first of which is this one. Not with" + " `MLX4J_RANKS`."),
    MLX4J_WIRED_LIMIT(
            "false",
            "`true` allows the mlx worker to wire the memory of weights and KV cache, so that macOS never"
                    + " pages it out. **Risk:** wired memory can panic macOS when several requests run at once ([MLX"
                    + " issue 3186](https://github.com/ml-explore/mlx/issues/3186))."),
    MLX4J_TF32(
            "MLX's default",
            "Whether MLX may round float32 to TF32 in matrix products on GPUs that support it, which is"
                    + " faster and less precise. `verify`, `compare`, `evaluate`, `convert` and `fuse` never use TF32."),
    MLX4J_BASE_MODEL(
            "",
            "Base model to use instead of the one that an adapter or a DyLoRA-MoE names: a folder, or a hub" + " id."),
    MLX4J_EXPERT("", "Expert of a DyLoRA-MoE to use. Required on mlx; without it, the router chooses on hf."),
    MLX4J_DTYPE("", "Convert the weights to `bfloat16`, `float16` or `float32`. Not for a quantized model."),
    MLX4J_MEMORY_LIMIT_MB(
            "",
            "Maximum memory (MiB) of the engine. The hf backend can enforce it only on CUDA, so elsewhere"
                    + " it refuses to load a model and is not a fallback."),
    MLX4J_TRUST_REMOTE_CODE(
            "false",
            "`true` allows the hf worker to run code from the model folder if transformers lacks the"
                    + " architecture. mlx never runs such code."),
    MLX4J_ALLOW_PICKLES(
            "false",
            "`true` allows the hf worker to read pickled experts and routers of a DyLoRA-MoE, as plain"
                    + " weights. mlx never reads pickles."),
    MLX4J_HF_DEVICE(
            "auto",
            "Device of the hf worker: `auto`, `cuda`, `mps` or `cpu`. `auto` uses the first of CUDA, MPS"
                    + " and the CPU that computes a small matrix product correctly. If a named device fails this test,"
                    + " loading fails."),
    MLX4J_RERANKER(
            "auto",
            "`qwen3` treats the model as a Qwen3-Reranker if its folder and name don't identify it as one"
                    + " ([more](models.md#reranking))."),
    PYTHON_PATH("", "Python interpreter for all workers."),
    MLX4J_MLX_PYTHON("", "Python interpreter for the mlx worker; takes precedence over `PYTHON_PATH`."),
    MLX4J_HF_PYTHON("", "Python interpreter for the hf worker; takes precedence over `PYTHON_PATH`."),
    MLX4J_HOME("`~/.mlx4j`", "Folder for the managed environments that `mlx4j setup` creates."),
    MLX4J_ALLOW_ANY_PLATFORM("false", "`true` allows the mlx worker on platforms other than macOS on Apple silicon."),
    MLX4J_DOWNLOAD(
            "auto", "`auto` downloads a hub model that isn't in the cache on first use; `never` makes this an error."),
    MLX4J_SANDBOX(
            "auto",
            "Whether workers are prevented from using the network and from writing outside their outputs"
                    + " ([more](operations.md#the-sandbox)): `auto` as far as the system supports it (on macOS not at"
                    + " all), `require` fails if it doesn't, `off` disables the sandbox."),
    MLX4J_HANG_SECONDS("120", "How long a busy worker may make no progress before it is ended and restarted."),
    MLX4J_IDLE_SECONDS(
            "0 (never)", "Time without a request after which a worker is stopped; the next request starts it again."),
    MLX4J_MAX_REQUESTS(
            "256",
            "Maximum number of open requests per worker, including queued ones; further ones fail with" + " `BUSY`."),
    MLX4J_MAX_WORKERS(
            "as many as fit",
            "Maximum number of workers that run at once if roles have their own models; idle ones are"
                    + " stopped to start others."),
    MLX4J_MEMORY_RESERVE_MB(
            "1024",
            "Memory (MiB) to keep free when another worker starts (idle ones are stopped if necessary), and"
                    + " when a training's batch size is chosen."),
    MLX4J_PREFIX_CACHE_MB(
            "1024",
            "Maximum size (MiB) of the mlx worker's prefix cache, which keeps finished prompts and answers"
                    + " for prompts that begin with them; 0 disables it.");

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
        return value(name(), environment);
    }

    /** A setting's value, if it is set. */
    static Optional<String> value(String name, Map<String, String> environment) {
        return Optional.ofNullable(environment.get(name)).map(String::strip).filter(value -> !value.isEmpty());
    }
}
