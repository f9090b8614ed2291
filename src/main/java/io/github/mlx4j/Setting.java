package io.github.mlx4j;

import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.provider.ProviderKind;
import java.util.function.BiConsumer;

/**
 * The table of settings. Each row has the values of a setting, the configuration property that it sets, and its row in
 * {@code docs/configuration.md}. The models of roles are in {@link RoleSettings}.
 *
 * <p>To add a setting: give its config record a component and a setter, and add a row here, in
 * {@code docs/configuration.md}, and as a Spring property in {@code Mlx4jProperties} and {@code PropertySetting}.
 */
enum Setting {
    TASK_ORCHESTRATOR_PROVIDER(
            SettingType.PROVIDER,
            (config, kind) -> config.provider(kind.orElse(null)),
            "auto",
            "The provider: `auto`, `mlx`, `hf`, `ollama`, `openai`, `anthropic`. `auto` uses the first"
                    + " available one of mlx, hf, and ollama on this machine, and never a remote service."),
    TASK_ORCHESTRATOR_FALLBACK(
            SettingType.PROVIDERS,
            ProviderConfig.Builder::fallback,
            "`hf` for mlx, none with an mlx-lm adapter",
            "The providers to use if the first one fails before its first token: a list such as"
                    + " `hf,ollama`, or `none`."),
    MLX_MODEL(
            SettingType.TEXT,
            (config, model) -> config.model(ProviderKind.MLX, model),
            "the registry's 4-bit Phi-3-mini",
            "Model for the mlx worker: a folder, or a hub id `org/name`."),
    HF_MODEL(
            SettingType.TEXT,
            (config, model) -> config.model(ProviderKind.HF, model),
            "the counterpart of the mlx model",
            "Model for the hf worker: a folder, or a hub id. An unquantized folder in `MLX_MODEL` is used"
                    + " for both."),
    OLLAMA_MODEL(
            SettingType.TEXT,
            (config, model) -> config.model(ProviderKind.OLLAMA, model),
            "llama3.1",
            "Model for Ollama, which the server must have (`ollama pull`)."),
    OPENAI_MODEL(
            SettingType.TEXT,
            (config, model) -> config.model(ProviderKind.OPENAI, model),
            "gpt-4 at OpenAI, none elsewhere",
            "Model for OpenAI, or for the server at `OPENAI_BASE_URL`."),
    ANTHROPIC_MODEL(
            SettingType.TEXT,
            (config, model) -> config.model(ProviderKind.ANTHROPIC, model),
            "",
            "Model for Anthropic."),
    OLLAMA_BASE_URL(
            SettingType.TEXT,
            (config, url) -> config.baseUrl(ProviderKind.OLLAMA, url),
            "`http://localhost:11434`",
            "URL of the Ollama server. `auto` uses it only if it is on this machine."),
    OPENAI_BASE_URL(
            SettingType.TEXT,
            (config, url) -> config.baseUrl(ProviderKind.OPENAI, url),
            "`https://api.openai.com/v1`",
            "URL of OpenAI, or of a compatible server such as vLLM or mlx_lm.server."),
    ANTHROPIC_BASE_URL(
            SettingType.TEXT,
            (config, url) -> config.baseUrl(ProviderKind.ANTHROPIC, url),
            "`https://api.anthropic.com/v1`",
            "URL of Anthropic."),
    OPENAI_API_KEY(
            SettingType.TEXT,
            (config, key) -> config.apiKey(ProviderKind.OPENAI, key),
            "",
            "OpenAI API key, sent to `OPENAI_BASE_URL`. Servers other than OpenAI may not need one."),
    ANTHROPIC_API_KEY(
            SettingType.TEXT, (config, key) -> config.apiKey(ProviderKind.ANTHROPIC, key), "", "Anthropic API key."),
    MLX4J_REMOTE_TIMEOUT_SECONDS(
            SettingType.seconds(1),
            ProviderConfig.Builder::remoteTimeout,
            "120",
            "How long a remote server may be silent before a request fails."),
    MLX_ADAPTER_PATH(
            SettingType.PATH,
            model(LoadConfig.Builder::adapter),
            "",
            "Folder of a LoRA adapter in PEFT or mlx-lm format. hf loads PEFT adapters only, and is not a"
                    + " fallback with an mlx-lm adapter."),
    MLX_DRAFT_MODEL(
            SettingType.TEXT,
            mlx(MlxConfig.Builder::draftModel),
            "",
            "Draft model for speculative decoding in the mlx worker: a folder, or a hub id. Requests then"
                    + " run one at a time."),
    MLX_DRAFT_TOKENS(
            SettingType.range(1, 16),
            mlx(MlxConfig.Builder::draftTokens),
            "3",
            "Number of tokens that the draft model proposes at a time, 1 to 16."),
    MLX_KV_BITS(
            SettingType.KV_BITS,
            mlx(MlxConfig.Builder::kvBits),
            "",
            "`4` or `8` quantizes the KV cache of the mlx worker to save memory. Requests then run one at a"
                    + " time."),
    MLX_KV_TOKENS(
            SettingType.from(64),
            mlx(MlxConfig.Builder::kvTokens),
            "",
            "Maximum number of tokens in the KV cache of the mlx worker, at least 64; beyond it, the oldest"
                    + " are dropped. Requests then run one at a time. Not with `MLX_KV_BITS` or `MLX_DRAFT_MODEL`."),
    MLX4J_RANKS(
            SettingType.range(2, 16),
            mlx(MlxConfig.Builder::ranks),
            "",
            "Distributes the model of the mlx worker over 2 to 16 processes on this machine"
                    + " ([more](distributed.md)). Requests then run one at a time. In training, the processes share"
                    + " each batch."),
    MLX4J_HOSTS(
            SettingType.PATH,
            mlx(MlxConfig.Builder::hosts),
            "",
            "The same over the machines in a host file, the first of which is this one. Not with" + " `MLX4J_RANKS`."),
    MLX4J_WIRED_LIMIT(
            SettingType.FLAG,
            mlx(MlxConfig.Builder::wiredLimit),
            "false",
            "`true` allows the mlx worker to wire the memory of weights and KV cache, so that macOS never"
                    + " pages it out. **Risk:** wired memory can panic macOS when several requests run at once ([MLX"
                    + " issue 3186](https://github.com/ml-explore/mlx/issues/3186))."),
    MLX4J_TF32(
            SettingType.FLAG,
            mlx(MlxConfig.Builder::tf32),
            "MLX's default",
            "Whether MLX may round float32 to TF32 in matrix products on GPUs that support it, which is"
                    + " faster and less precise. `verify`, `compare`, `evaluate`, `convert` and `fuse` never use TF32."),
    MLX4J_BASE_MODEL(
            SettingType.TEXT,
            model(LoadConfig.Builder::base),
            "",
            "Base model to use instead of the one that an adapter or a DyLoRA-MoE names: a folder, or a hub" + " id."),
    MLX4J_EXPERT(
            SettingType.TEXT,
            model(LoadConfig.Builder::expert),
            "",
            "Expert of a DyLoRA-MoE to use. Required on mlx; without it, the router chooses on hf."),
    MLX4J_DTYPE(
            SettingType.DTYPE,
            model(LoadConfig.Builder::dtype),
            "",
            "Convert the weights to `bfloat16`, `float16` or `float32`. Not for a quantized model."),
    MLX4J_MEMORY_LIMIT_MB(
            SettingType.mebibytes(1),
            model(LoadConfig.Builder::memoryLimitBytes),
            "",
            "Maximum memory (MiB) of the engine. The hf backend can enforce it only on CUDA, so elsewhere"
                    + " it refuses to load a model and is not a fallback."),
    MLX4J_TRUST_REMOTE_CODE(
            SettingType.FLAG,
            model(LoadConfig.Builder::trustRemoteCode),
            "false",
            "`true` allows the hf worker to run code from the model folder if transformers lacks the"
                    + " architecture. mlx never runs such code."),
    MLX4J_ALLOW_PICKLES(
            SettingType.FLAG,
            model(LoadConfig.Builder::allowPickles),
            "false",
            "`true` allows the hf worker to read pickled experts and routers of a DyLoRA-MoE, as plain"
                    + " weights. mlx never reads pickles."),
    MLX4J_HF_DEVICE(
            SettingType.DEVICE,
            model(LoadConfig.Builder::device),
            "auto",
            "Device of the hf worker: `auto`, `cuda`, `mps` or `cpu`. `auto` uses the first of CUDA, MPS"
                    + " and the CPU that computes a small matrix product correctly. If a named device fails this test,"
                    + " loading fails."),
    MLX4J_RERANKER(
            SettingType.RERANKER,
            model(LoadConfig.Builder::reranker),
            "auto",
            "`qwen3` treats the model as a Qwen3-Reranker if its folder and name don't identify it as one"
                    + " ([more](models.md#reranking))."),
    PYTHON_PATH(
            SettingType.TEXT,
            (config, path) -> config.interpreter(path, "PYTHON_PATH"),
            "",
            "Python interpreter for all workers."),
    MLX4J_MLX_PYTHON(
            SettingType.TEXT,
            (config, path) -> config.interpreter(ProviderKind.MLX, path, "MLX4J_MLX_PYTHON"),
            "",
            "Python interpreter for the mlx worker; takes precedence over `PYTHON_PATH`."),
    MLX4J_HF_PYTHON(
            SettingType.TEXT,
            (config, path) -> config.interpreter(ProviderKind.HF, path, "MLX4J_HF_PYTHON"),
            "",
            "Python interpreter for the hf worker; takes precedence over `PYTHON_PATH`."),
    MLX4J_HOME(
            SettingType.PATH,
            ProviderConfig.Builder::home,
            "`~/.mlx4j`",
            "Folder for the managed environments that `mlx4j setup` creates."),
    MLX4J_ALLOW_ANY_PLATFORM(
            SettingType.FLAG,
            ProviderConfig.Builder::allowAnyPlatform,
            "false",
            "`true` allows the mlx worker on platforms other than macOS on Apple silicon."),
    MLX4J_DOWNLOAD(
            SettingType.DOWNLOAD,
            ProviderConfig.Builder::download,
            "auto",
            "`auto` downloads a hub model that isn't in the cache on first use; `never` makes this an error."),
    MLX4J_SANDBOX(
            SettingType.SANDBOX,
            worker(WorkerConfig.Builder::sandbox),
            "auto",
            "Whether workers are prevented from using the network and from writing outside their outputs"
                    + " ([more](operations.md#the-sandbox)): `auto` as far as the system supports it (on macOS not at"
                    + " all), `require` fails if it doesn't, `off` disables the sandbox."),
    MLX4J_HANG_SECONDS(
            SettingType.seconds(1),
            worker(WorkerConfig.Builder::hang),
            "120",
            "How long a busy worker may make no progress before it is ended and restarted."),
    MLX4J_IDLE_SECONDS(
            SettingType.seconds(0),
            worker(WorkerConfig.Builder::idle),
            "0 (never)",
            "Time without a request after which a worker is stopped; the next request starts it again."),
    MLX4J_MAX_REQUESTS(
            SettingType.from(1),
            worker(WorkerConfig.Builder::maxRequests),
            "256",
            "Maximum number of open requests per worker, including queued ones; further ones fail with" + " `BUSY`."),
    MLX4J_MAX_WORKERS(
            SettingType.from(1),
            (config, max) -> config.pool(pool -> pool.maxWorkers(max)),
            "as many as fit",
            "Maximum number of workers that run at once if roles have their own models; idle ones are"
                    + " stopped to start others."),
    MLX4J_MEMORY_RESERVE_MB(
            SettingType.mebibytes(0),
            (config, bytes) -> config.pool(pool -> pool.reservedBytes(bytes)),
            "1024",
            "Memory (MiB) to keep free when another worker starts (idle ones are stopped if necessary), and"
                    + " when a batch size for training is chosen."),
    MLX4J_PREFIX_CACHE_MB(
            SettingType.mebibytes(0),
            worker(WorkerConfig.Builder::prefixCacheBytes),
            "1024",
            "Maximum size (MiB) of the prefix cache of a worker (mlx or hf), which keeps finished prompts and"
                    + " answers for prompts that begin with them; 0 disables it.");

    private final BiConsumer<ProviderConfig.Builder, Object> setter;
    private final String defaultText;
    private final String effect;

    /**
     * Creates a row.
     *
     * @param type the valid values
     * @param setter stores a value in the configuration
     * @param defaultText the default, for the documentation
     * @param effect what the setting does, for the documentation
     */
    <T> Setting(SettingType<T> type, BiConsumer<ProviderConfig.Builder, T> setter, String defaultText, String effect) {
        this.setter = (config, value) -> setter.accept(config, type.of(this, value));
        this.defaultText = defaultText;
        this.effect = effect;
    }

    private static <T> BiConsumer<ProviderConfig.Builder, T> worker(BiConsumer<WorkerConfig.Builder, T> setter) {
        return (config, value) -> config.workers(worker -> setter.accept(worker, value));
    }

    private static <T> BiConsumer<ProviderConfig.Builder, T> model(BiConsumer<LoadConfig.Builder, T> setter) {
        return worker((worker, value) -> worker.model(model -> setter.accept(model, value)));
    }

    private static <T> BiConsumer<ProviderConfig.Builder, T> mlx(BiConsumer<MlxConfig.Builder, T> setter) {
        return worker((worker, value) -> worker.mlx(mlx -> setter.accept(mlx, value)));
    }

    /** Returns the default as shown in the documentation. */
    String defaultText() {
        return defaultText;
    }

    /** Returns the description as shown in the documentation. */
    String effect() {
        return effect;
    }

    /**
     * Stores a value in the configuration.
     *
     * @param value a string, or a value of the setting's type
     * @throws ConfigurationException if the value is invalid
     */
    void set(ProviderConfig.Builder config, Object value) {
        setter.accept(config, value);
    }
}
