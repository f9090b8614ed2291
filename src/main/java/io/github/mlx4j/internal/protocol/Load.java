package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.event.WorkerMemory;
import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code initialize} and {@code inspect}, and the params and result shared by all calls that load a model. */
public final class Load {

    private Load() {}

    /** Returns a call that makes a worker of this kind load its model. */
    public static WorkerCall<Loaded> initialize(Params<Options> params, ProviderKind kind) {
        return WorkerCall.of(Method.INITIALIZE, params, JsonNode.class).map(result -> Loaded.of(kind, result));
    }

    /** Returns a call that loads a model for another purpose; the {@link Backend} is added to its result. */
    public static <T> WorkerCall<T> of(Method method, Object params, ProviderKind kind, Class<T> result) {
        return WorkerCall.of(method, params, JsonNode.class).map(told -> Codec.read(completed(kind, told), result));
    }

    /** Returns a call that checks whether a worker would load a model. */
    public static WorkerCall<Inspected> inspect(Params<InspectOptions> params) {
        return WorkerCall.of(Method.INSPECT, params, Inspected.class);
    }

    /**
     * The params.
     *
     * @param protocol Java's version of the protocol
     * @param model the model
     * @param download whether a model that isn't in the hub's cache may be downloaded
     * @param options what else to load and how, or {@code null} for all defaults
     * @param hubToken the user's hub token, for a download, or {@code null}
     */
    public record Params<O>(
            Hello.Version protocol,
            Model model,
            boolean download,
            @Nullable O options,
            @Nullable HubToken hubToken) {

        /** Returns params for a model, with the current protocol version and all defaults. */
        public static <O> Params<O> of(String source, boolean download) {
            return new Params<>(Hello.Version.CURRENT, new Model(source, null), download, null, null);
        }

        /** Returns these params with other options. */
        public Params<O> with(O options) {
            return new Params<>(protocol, model, download, options, hubToken);
        }

        /** Returns these params with another revision of the model. */
        public Params<O> withRevision(@Nullable String revision) {
            return new Params<>(protocol, new Model(model.source, revision), download, options, hubToken);
        }

        /** Returns these params with the user's hub token. */
        public Params<O> withToken(@Nullable HubToken hubToken) {
            return new Params<>(protocol, model, download, options, hubToken);
        }
    }

    /**
     * A model.
     *
     * @param source a folder, or a hub ID {@code org/name}
     * @param revision a branch, tag or commit of the hub, or {@code null} for the main branch
     */
    public record Model(String source, @Nullable String revision) {}

    /**
     * What else to load and how; {@code null} means the worker's default.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model to use instead of the one that an adapter or a DyLoRA-MoE names
     * @param expert the expert of a DyLoRA-MoE to use
     * @param dtype the type to convert the weights to
     * @param actionHead a safetensors file with an action head
     * @param actionHeadSeed the seed of a newly initialized action head
     * @param trustRemoteCode whether code from the model folder may run
     * @param allowPickles whether pickled experts and routers may be read
     * @param memoryLimitBytes maximum memory of the engine
     * @param draftModel the folder or hub ID of a draft model
     * @param draftTokens the number of tokens that the draft model proposes at a time
     * @param kvBits the number of bits to quantize the KV cache to
     * @param kvTokens maximum number of tokens in the KV cache
     * @param prefixCacheBytes maximum size of the prefix cache, 0 for none
     * @param ranks number of processes that share the model
     * @param hosts a host file of the machines that share the model
     * @param wiredLimit whether MLX may wire memory
     * @param device where transformers runs the model: auto, cuda, mps or cpu
     * @param reranker the kind of reranker, if the model's folder doesn't identify it as one: qwen3
     */
    public record Options(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable String dtype,
            @Nullable String actionHead,
            @Nullable Long actionHeadSeed,
            @Nullable Boolean trustRemoteCode,
            @Nullable Boolean allowPickles,
            @Nullable Long memoryLimitBytes,
            @Nullable String draftModel,
            @Nullable Integer draftTokens,
            @Nullable Integer kvBits,
            @Nullable Integer kvTokens,
            @Nullable Long prefixCacheBytes,
            @Nullable Integer ranks,
            @Nullable String hosts,
            @Nullable Boolean wiredLimit,
            @Nullable String device,
            @Nullable String reranker) {}

    /**
     * What {@code inspect} would load with the model; {@code null} means the worker's default.
     *
     * @param adapter the folder of a LoRA adapter
     * @param base the base model to use instead of the one that an adapter or a DyLoRA-MoE names
     * @param expert the expert of a DyLoRA-MoE to use
     * @param allowPickles whether pickled experts and routers may be read
     */
    public record InspectOptions(
            @Nullable String adapter,
            @Nullable String base,
            @Nullable String expert,
            @Nullable Boolean allowPickles) {}

    /**
     * The result of {@code initialize}.
     *
     * @param details what was loaded
     * @param memory its memory use
     */
    public record Loaded(ModelDetails details, WorkerMemory memory) {

        private static Loaded of(ProviderKind kind, JsonNode result) {
            ObjectNode details = completed(kind, result);
            JsonNode memory = details.path("memory");
            details.put("activeBytes", memory.path("activeBytes").asLong());
            return new Loaded(Codec.read(details, ModelDetails.class), Codec.read(memory, WorkerMemory.class));
        }
    }

    /** Adds the backend to the result of a load, and the fields that a worker of an older minor version omits. */
    private static ObjectNode completed(ProviderKind kind, JsonNode result) {
        ObjectNode completed =
                Codec.JSON.createObjectNode().put("format", "model").put("dtype", "");
        completed.putObject("samplingDefaults");
        completed.putObject("memory").put("activeBytes", 0).put("peakBytes", 0);
        result.properties().forEach(field -> completed.set(field.getKey(), field.getValue()));
        ObjectNode backend = completed.putObject("backend").put("provider", kind.name());
        backend.set("model", result.get("model"));
        backend.set("device", result.get("device"));
        return completed;
    }

    /**
     * The result of {@code inspect}: what is known about a model that would be loaded.
     *
     * @param capabilities what the model could do, such as {@code rerank}
     * @param embeddings how it would compute embeddings, empty if it can't
     * @param warnings what the user should know about the load
     * @param packages versions of the engine's packages
     */
    public record Inspected(
            List<String> capabilities,
            Optional<EmbeddingDetails> embeddings,
            List<String> warnings,
            Map<String, String> packages) {}

    /**
     * A model that must be downloaded first. A worker without network access returns it in the field {@code download}
     * of the result of any call that loads a model.
     *
     * @param source its hub ID
     * @param revision a branch, tag or commit, or {@code null} for the main branch
     * @param roomBytes the maximum size of the weights in bytes, or {@code null} if unknown
     */
    public record Missing(
            String source,
            @Nullable String revision,
            @Nullable Long roomBytes) {

        /** Returns the model that a result reports as missing, if any. */
        public static Optional<Missing> in(JsonNode result) {
            JsonNode download = result.path("download");
            return download.isObject() ? Optional.of(Codec.read(download, Missing.class)) : Optional.empty();
        }
    }
}
