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
 * The properties of mlx4j. For properties that are not set, the settings of
 * {@link io.github.mlx4j.ProviderConfig#fromEnv()} apply.
 *
 * @param provider Provider to use: auto, mlx, hf, ollama, openai or anthropic. Default: auto.
 * @param fallback Providers to use if the first one fails before its first token: a list such as hf,ollama, or none.
 * @param mlx Settings of the mlx worker only.
 * @param hf Settings of the hf worker only.
 * @param ollama Settings of the Ollama server.
 * @param openai Settings of OpenAI, or of a server that is compatible with its API.
 * @param anthropic Settings of Anthropic.
 * @param remoteTimeout How long a remote server may be silent before a request fails, in whole seconds. Default: 120s.
 * @param adapterPath Folder of a LoRA adapter in the format of PEFT or mlx-lm.
 * @param baseModel Base model to use instead of the one that an adapter or a DyLoRA-MoE names.
 * @param expert Expert of a DyLoRA-MoE to use.
 * @param dtype Type to convert the weights to: bfloat16, float16 or float32.
 * @param memoryLimit Maximum memory of the engine, in whole mebibytes.
 * @param trustRemoteCode Whether the hf worker may run code from the model folder. Default: false.
 * @param allowPickles Whether the hf worker may read pickled experts and routers. Default: false.
 * @param reranker Kind of reranker, if the model's folder doesn't identify it as one: auto or qwen3. Default: auto.
 * @param pythonPath Python interpreter of all workers.
 * @param home Folder of the managed environments. Default: .mlx4j in the user's home.
 * @param allowAnyPlatform Whether mlx may run on platforms other than macOS on Apple silicon. Default: false.
 * @param download Whether a hub model that isn't in the cache is downloaded: auto or never. Default: auto.
 * @param sandbox Whether workers are denied access to the network and to other files: auto, require or off. Default:
 *     auto.
 * @param hang How long a busy worker may make no progress before it is restarted, in whole seconds. Default: 120s.
 * @param idle Time without a request after which a worker is stopped, in whole seconds; 0 means never. Default: 0.
 * @param maxWorkers Maximum number of workers of different models that run at once. Default: as many as fit into
 *     memory.
 * @param memoryReserve Memory to keep free for other programs when another worker starts, in whole mebibytes.
 * @param maxRequests Maximum number of open requests per worker, including queued ones. Default: 256.
 * @param prefixCache Maximum size of the cache of finished prompts and answers, in whole mebibytes; 0 disables it.
 *     Default: 1024MB.
 * @param warmUp Whether to start the worker and load its model before the application is ready. Startup fails if that
 *     fails.
 * @param langchain4j Settings of the LangChain4j models.
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
     * Models for single roles. Default: the provider's model.
     *
     * @param router Model that routes requests.
     * @param decomposer Model that splits tasks, and finds tasks in documents.
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
     * Settings of the mlx worker only.
     *
     * @param model Model of the mlx worker: a folder, or a hub id. Default: a 4-bit Phi-3-mini.
     * @param roles Models for single roles.
     * @param python Python interpreter of the mlx worker.
     * @param draftModel Draft model for speculative decoding: a folder, or a hub id.
     * @param draftTokens Number of tokens that the draft model proposes at a time, 1 to 16. Default: 3.
     * @param kvBits Bits per value of a quantized KV cache: 4 or 8.
     * @param kvTokens Maximum number of tokens in the KV cache, at least 64.
     * @param ranks Number of processes on this machine to distribute the model over, 2 to 16.
     * @param hosts Host file of the machines to distribute the model over; the first is this one.
     * @param wiredLimit Whether MLX may wire memory, which can panic macOS under concurrent load. Default: false.
     * @param tf32 Whether MLX may round float32 to TF32 on GPUs that support it. Default: MLX's own.
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
     * Settings of the hf worker only.
     *
     * @param model Model of the hf worker: a folder, or a hub id. Default: the counterpart of the mlx model.
     * @param roles Models for single roles.
     * @param python Python interpreter of the hf worker.
     * @param device Device of the hf worker: auto, cuda, mps or cpu. Default: auto.
     */
    public record Hf(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String python,
            @Nullable String device) {}

    /**
     * Settings of the Ollama server.
     *
     * @param model Model to use, which must exist on the server. Default: llama3.1.
     * @param roles Models for single roles.
     * @param baseUrl URL of the server.
     */
    public record Ollama(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String baseUrl) {}

    /**
     * Settings of a service that may need an API key.
     *
     * @param model Model of the service.
     * @param roles Models for single roles.
     * @param baseUrl URL of the service.
     * @param apiKey API key of the service. It is sent only to the service and never displayed.
     */
    public record Service(
            @Nullable String model,
            @DefaultValue Roles roles,
            @Nullable String baseUrl,
            @Nullable String apiKey) {

        /** Returns a description without the key. */
        @Override
        public String toString() {
            return "Service[model=%s, roles=%s, baseUrl=%s, apiKey=%s]"
                    .formatted(model, roles, baseUrl, apiKey == null ? null : "***");
        }
    }

    /**
     * Settings of the LangChain4j models.
     *
     * @param enabled Whether to create LangChain4j model beans if LangChain4j's core is on the class path.
     */
    public record LangChain4j(@DefaultValue("true") boolean enabled) {}
}
