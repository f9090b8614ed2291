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
            "Who answers: `auto`, `mlx`, `hf`, `ollama`, `openai`, `anthropic`. `auto` takes the first that is available"
                    + " of mlx, hf, and ollama on this machine, and never a service elsewhere."),
    TASK_ORCHESTRATOR_FALLBACK(
            "`hf` behind mlx, none with an adapter of mlx-lm",
            "Who stands in when the provider fails before its first token: a list such as `hf,ollama`, or `none`."),
    MLX_MODEL("the registry's 4-bit Phi-3-mini", "Model of the mlx worker: a folder, or a hub id `org/name`."),
    HF_MODEL(
            "the counterpart of the mlx model",
            "Model of the hf worker: a folder, or a hub id. An unquantized folder in `MLX_MODEL` serves both."),
    OLLAMA_MODEL("llama3.1", "Model of the Ollama server, one that it has (`ollama pull`)."),
    OPENAI_MODEL("gpt-4 at OpenAI, none elsewhere", "Model of OpenAI, or of the server at `OPENAI_BASE_URL`."),
    ANTHROPIC_MODEL("", "Model of Anthropic."),
    OLLAMA_BASE_URL(
            "`http://localhost:11434`", "Where the Ollama server is. `auto` asks it only if it is this machine."),
    OPENAI_BASE_URL(
            "`https://api.openai.com/v1`",
            "Where OpenAI is, or any server that speaks its API, such as vLLM or mlx_lm.server."),
    ANTHROPIC_BASE_URL("`https://api.anthropic.com/v1`", "Where Anthropic is."),
    OPENAI_API_KEY("", "Key of OpenAI. A server at `OPENAI_BASE_URL` may need none; if set, it is sent there."),
    ANTHROPIC_API_KEY("", "Key of Anthropic."),
    MLX4J_REMOTE_TIMEOUT_SECONDS(
            "120", "How long the server of a remote provider may be silent before a request to it is given up."),
    MLX_ADAPTER_PATH(
            "",
            "Folder of a LoRA adapter, of PEFT or of mlx-lm. hf loads those of PEFT too; with one of mlx-lm it does not"
                    + " stand in."),
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
    MLX4J_RANKS(
            "",
            "Spreads the model of the mlx worker over so many processes of this machine, 2 to 16 ([more](distributed.md))."
                    + " Requests run one after another then. In a training they share each batch."),
    MLX4J_HOSTS(
            "", "The same over the machines of a host file, of which the first is this one. Not with `MLX4J_RANKS`."),
    MLX4J_WIRED_LIMIT(
            "false",
            "`true` lets the mlx worker wire the memory of weights and KV cache, so that macOS never pages it out. **Risk:**"
                    + " wired memory can panic macOS when several requests run at once"
                    + " ([MLX issue 3186](https://github.com/ml-explore/mlx/issues/3186))."),
    MLX4J_TF32(
            "MLX's own",
            "`false` keeps MLX from rounding float32 to TF32 in matrix products on GPUs that can do so; `true` allows it,"
                    + " which is faster and less precise. `verify`, `compare`, `evaluate`, `convert` and `fuse` never use it."),
    MLX4J_BASE_MODEL(
            "",
            "Base model, where the model is an adapter or a DyLoRA-MoE, in place of the one that it names: a folder, or a hub id."),
    MLX4J_EXPERT(
            "",
            "The one expert of a DyLoRA-MoE that answers. Without it hf leaves the choice to the router; mlx needs it."),
    MLX4J_DTYPE("", "What the weights are turned into: `bfloat16`, `float16` or `float32`. Not for a quantized model."),
    MLX4J_MEMORY_LIMIT_MB(
            "",
            "The most memory (MiB) that the engine is to take. hf can hold it on CUDA only, and elsewhere refuses to"
                    + " load a model with it, so it does not stand in there."),
    MLX4J_TRUST_REMOTE_CODE(
            "false",
            "`true` lets code of the model folder run in the hf worker, where transformers has no such architecture. mlx"
                    + " never runs any."),
    MLX4J_ALLOW_PICKLES(
            "false",
            "`true` lets the hf worker read pickled experts and routers of a DyLoRA-MoE, as plain weights. mlx never reads"
                    + " any."),
    MLX4J_HF_DEVICE(
            "auto",
            "Device of the hf worker: `auto`, `cuda`, `mps` or `cpu`. `auto` takes the first of CUDA, MPS and the CPU that"
                    + " computes a small product correctly; a named device that doesn't is an error."),
    MLX4J_RERANKER(
            "auto",
            "`qwen3` says that the model is a reranker of Qwen3-Reranker's kind, where neither its folder nor its name says"
                    + " so ([more](models.md#reranking))."),
    PYTHON_PATH("", "Python interpreter of every worker."),
    MLX4J_MLX_PYTHON("", "Python interpreter of the mlx worker; comes before `PYTHON_PATH`."),
    MLX4J_HF_PYTHON("", "Python interpreter of the hf worker; comes before `PYTHON_PATH`."),
    MLX4J_HOME("`~/.mlx4j`", "Folder of the managed environments that `mlx4j setup` makes."),
    MLX4J_ALLOW_ANY_PLATFORM("false", "`true` lets the mlx worker run elsewhere than on macOS with Apple silicon."),
    MLX4J_DOWNLOAD(
            "auto", "`auto` fetches a hub model that isn't in the cache on first use; `never` makes that an error."),
    MLX4J_SANDBOX(
            "auto",
            "Whether workers are kept from the network and from writing outside of their outputs"
                    + " ([more](operations.md#the-sandbox)): `auto` as far as the system can (on macOS not at all),"
                    + " `require` fails if it can't, `off` not at all."),
    MLX4J_HANG_SECONDS(
            "120", "How long a worker may have work to do without moving before it is ended and started anew."),
    MLX4J_IDLE_SECONDS(
            "0 (never)", "After how long without a request a worker is stopped; the next request starts it again."),
    MLX4J_MAX_REQUESTS(
            "256", "How many requests a worker takes at once, waiting ones included; one more fails with `BUSY`."),
    MLX4J_MAX_WORKERS(
            "as many as fit",
            "How many workers run at once, where roles have models of their own; idle ones are stopped for others."),
    MLX4J_MEMORY_RESERVE_MB(
            "1024",
            "Memory (MiB) that is left free by a worker that starts beside others (idle ones are stopped if need be), and"
                    + " by the batch size of a training."),
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
        return value(name(), environment);
    }

    /** A setting's value, if it is set. */
    static Optional<String> value(String name, Map<String, String> environment) {
        return Optional.ofNullable(environment.get(name)).map(String::strip).filter(value -> !value.isEmpty());
    }
}
