package io.github.mlx4j.model;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the files of a model folder tell. {@code null} is for what they don't tell.
 *
 * @param folder the folder, or the GGUF file
 * @param format its format
 * @param modelType the config's {@code model_type}
 * @param base the model that it belongs on: of adapters and DyLoRA-MoE
 * @param metadata fields of an adapter's or DyLoRA-MoE's own config, such as {@code rank}, {@code alpha},
 *     {@code targets}, {@code experts}; values are texts, numbers, booleans or lists of texts
 * @param dtypes bytes of the weights by their type, as safetensors writes it ({@code BF16} …), most first
 * @param quantization how the weights are quantized
 * @param architecture the decoder's sizes
 * @param parameters how many there are; in a model that mlx-lm quantized as many as before
 * @param contextLength tokens, by the config
 * @param weightBytes the sum of the tensors' bytes, which is what they take in memory
 * @param tensors how many there are
 * @param kvCache what a token takes in the KV cache
 * @param kvCacheNote why that is not known, or what has to be said of it; may be empty
 * @param tiedEmbeddings whether the output takes the input's embeddings, by the config
 * @param tokenizer whether the folder has a tokenizer
 * @param chatTemplate whether it has a chat template
 * @param problems what the files show to be wrong, unsafe things first. There may be more that only a worker's loader
 *     finds; {@code LoadCheck} asks it
 */
public record ModelInspection(
        Path folder,
        ModelFormat format,
        @Nullable String modelType,
        @Nullable BaseModel base,
        Map<String, Object> metadata,
        Map<String, Long> dtypes,
        @Nullable Quantization quantization,
        @Nullable Architecture architecture,
        @Nullable Long parameters,
        @Nullable Integer contextLength,
        long weightBytes,
        int tensors,
        @Nullable KvCache kvCache,
        String kvCacheNote,
        boolean tiedEmbeddings,
        boolean tokenizer,
        boolean chatTemplate,
        List<Problem> problems) {

    /** Takes immutable copies. */
    public ModelInspection {
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        dtypes = Collections.unmodifiableMap(new LinkedHashMap<>(dtypes));
        problems = List.copyOf(problems);
    }

    /** The type that most bytes of the weights have, as safetensors writes it. */
    public Optional<String> dtype() {
        return dtypes.keySet().stream().findFirst();
    }

    /**
     * What has the weights and the sizes of the whole: this, or for an adapter and for experts without a model their
     * base model; empty if that is a hub id, or can't be read.
     */
    public Optional<ModelInspection> whole() {
        boolean part =
                format.isAdapter() || format == ModelFormat.DYLORA_SEPARATED || format == ModelFormat.DYLORA_CHECKPOINT;
        return part ? Optional.ofNullable(base).map(BaseModel::inspection) : Optional.of(this);
    }
}
