package io.github.mlx4j.spring;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.convert.DataSizeUnit;
import org.springframework.boot.convert.DurationUnit;
import org.springframework.util.unit.DataSize;
import org.springframework.util.unit.DataUnit;

/**
 * The properties of mlx4j. What is not set is as {@link io.github.mlx4j.ProviderConfig#fromEnv()} has it.
 *
 * @param provider Who answers: auto, mlx, hf, ollama, openai or anthropic. Default: auto.
 * @param fallback Who stands in when the provider fails before its first token: a list such as hf,ollama, or none.
 * @param mlx What is for the mlx worker only.
 * @param hf What is for the hf worker only.
 * @param ollama The Ollama server.
 * @param openai OpenAI, or any server that speaks its API.
 * @param anthropic Anthropic.
 * @param remoteTimeout How long the server of a remote provider may be silent, in whole seconds. Default: 120s.
 * @param adapterPath Folder of a LoRA adapter, of PEFT or of mlx-lm.
 * @param baseModel Base model of an adapter or a DyLoRA-MoE, in place of the one that it names.
 * @param expert The one expert of a DyLoRA-MoE that answers.
 * @param dtype What the weights are turned into: bfloat16, float16 or float32.
 * @param memoryLimit The most memory that the engine is to take, in whole mebibytes.
 * @param trustRemoteCode Whether code of the model folder may run in the hf worker. Default: false.
 * @param allowPickles Whether the hf worker may read pickled experts and routers. Default: false.
 * @param reranker Whether the model is a reranker where its folder doesn't say so: auto or qwen3. Default: auto.
 * @param pythonPath Python interpreter of every worker.
 * @param home Folder of the managed environments. Default: .mlx4j in the user's home.
 * @param allowAnyPlatform Whether mlx may run elsewhere than on macOS with Apple silicon. Default: false.
 * @param download Whether a hub model that isn't in the cache is fetched: auto or never. Default: auto.
 * @param sandbox Whether workers are kept from the network and other files: auto, require or off. Default: auto.
 * @param hang How long a worker may have work without moving, in whole seconds. Default: 120s.
 * @param idle After how long without a request a worker is stopped, in whole seconds; 0 is never. Default: 0.
 * @param maxWorkers How many workers of different models run at once. Default: as many as fit into memory.
 * @param memoryReserve Memory that is left to other programs where workers are kept side by side, in whole mebibytes.
 * @param maxRequests How many requests a worker takes at once, waiting ones included. Default: 256.
 * @param prefixCache The most memory for finished prompts and answers, in whole mebibytes; 0 is off. Default: 1024MB.
 * @param warmUp Whether the worker starts and loads its model before the application is up, which fails where it can't.
 * @param langchain4j LangChain4j's models.
 */
@ConfigurationProperties(prefix = "mlx4j", ignoreUnknownFields = false)
public record Mlx4jProperties(
        @Nullable String provider,
        @Nullable List<String> fallback,
        @DefaultValue Mlx mlx,
        @DefaultValue Hf hf,
        @DefaultValue Ollama ollama,
        @DefaultValue Service openai,
        @DefaultValue Service anthropic,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration remoteTimeout,
        @Nullable String adapterPath,
        @Nullable String baseModel,
        @Nullable String expert,
        @Nullable String dtype,
        @DataSizeUnit(DataUnit.MEGABYTES) @Nullable DataSize memoryLimit,
        @Nullable Boolean trustRemoteCode,
        @Nullable Boolean allowPickles,
        @Nullable String reranker,
        @Nullable String pythonPath,
        @Nullable String home,
        @Nullable Boolean allowAnyPlatform,
        @Nullable String download,
        @Nullable String sandbox,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration hang,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration idle,
        @Nullable Integer maxWorkers,
        @DataSizeUnit(DataUnit.MEGABYTES) @Nullable DataSize memoryReserve,
        @Nullable Integer maxRequests,
        @DataSizeUnit(DataUnit.MEGABYTES) @Nullable DataSize prefixCache,
        @DefaultValue("false") boolean warmUp,
        @DefaultValue LangChain4j langchain4j) {

    /**
     * Models of single roles. Default: the provider's model.
     *
     * @param router Model that decides where requests go.
     * @param decomposer Model that splits tasks, and finds them in documents.
     * @param enhancer Model that makes tasks clearer.
     * @param tester Model that asks questions about tasks.
     * @param reranker Model that scores documents for a query.
     */
    public record Roles(
            @Nullable String router,
            @Nullable String decomposer,
            @Nullable String enhancer,
            @Nullable String tester,
            @Nullable String reranker) {}

    /**
     * What is for the mlx worker only.
     *
     * @param model Model of the mlx worker: a folder, or a hub id. Default: a 4-bit Phi-3-mini.
     * @param roles Models of single roles.
     * @param python Python interpreter of the mlx worker.
     * @param draftModel Draft model, which guesses tokens ahead: a folder, or a hub id.
     * @param draftTokens How many tokens the draft model guesses ahead, 1 to 16. Default: 3.
     * @param kvBits 4 or 8 quantizes the KV cache.
     * @param kvTokens The most tokens in the KV cache, from 64 on.
     * @param ranks Spreads the model over so many processes of this machine, 2 to 16.
     * @param hosts The same over the machines of a host file, of which the first is this one.
     * @param wiredLimit Whether MLX may wire memory, which can panic macOS under concurrent load. Default: false.
     * @param tf32 Whether MLX may round float32 to TF32 on GPUs that can do so. Default: MLX's own.
     */
    public record Mlx(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String python,
            @Nullable String draftModel,
            @Nullable Integer draftTokens,
            @Nullable Integer kvBits,
            @Nullable Integer kvTokens,
            @Nullable Integer ranks,
            @Nullable String hosts,
            @Nullable Boolean wiredLimit,
            @Nullable Boolean tf32) {}

    /**
     * What is for the hf worker only.
     *
     * @param model Model of the hf worker: a folder, or a hub id. Default: the counterpart of the mlx model.
     * @param roles Models of single roles.
     * @param python Python interpreter of the hf worker.
     * @param device Device of the hf worker: auto, cuda, mps or cpu. Default: auto.
     */
    public record Hf(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String python,
            @Nullable String device) {}

    /**
     * The Ollama server.
     *
     * @param model Model of the server, one that it has. Default: llama3.1.
     * @param roles Models of single roles.
     * @param baseUrl Where the server is.
     */
    public record Ollama(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String baseUrl) {}

    /**
     * A service that may need a key.
     *
     * @param model Model of the service.
     * @param roles Models of single roles.
     * @param baseUrl Where the service is.
     * @param apiKey Key of the service. It is shown to nobody but its server.
     */
    public record Service(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String baseUrl,
            @Nullable String apiKey) {

        /** Does not show the key. */
        @Override
        public String toString() {
            return "Service[model=%s, roles=%s, baseUrl=%s, apiKey=%s]"
                    .formatted(model, roles, baseUrl, apiKey == null ? null : "***");
        }
    }

    /**
     * LangChain4j's models.
     *
     * @param enabled Whether there are beans of LangChain4j's models, where its core is on the class path.
     */
    public record LangChain4j(@DefaultValue("true") boolean enabled) {}
}
