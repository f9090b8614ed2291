package io.github.mlx4j.model;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The information found in the files of a model folder. Values are {@code null} if the files don't contain them.
 *
 * @param folder the folder, or the GGUF file
 * @param format the format
 * @param modelType the {@code model_type} in the config
 * @param base the base model, for adapters and DyLoRA-MoE
 * @param metadata fields of the adapter or DyLoRA-MoE config, such as {@code rank}, {@code alpha}, {@code targets},
 *     {@code experts}; values are strings, numbers, booleans or lists of strings
 * @param dtypes the number of bytes of the weights by data type, with the names that safetensors uses ({@code BF16} …),
 *     largest first
 * @param quantization how the weights are quantized
 * @param architecture the dimensions of the decoder
 * @param parameters the number of parameters; for a model quantized by mlx-lm, the number before quantization
 * @param contextLength the context length in tokens, from the config
 * @param weightBytes the total size of the tensors in bytes, which is the memory they need
 * @param tensors the number of tensors
 * @param kvCache the memory need of the KV cache
 * @param kvCacheNote why {@code kvCache} is unknown, or a remark about it; may be empty
 * @param tiedEmbeddings whether the output layer shares the input embeddings, from the config
 * @param tokenizer whether the folder has a tokenizer
 * @param chatTemplate whether the folder has a chat template
 * @param problems the problems found in the files, security problems first. A worker may find more when it loads the
 *     model; use {@code LoadCheck} to ask it
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

    /** Makes immutable copies of the collections. */
    public ModelInspection {
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        dtypes = Collections.unmodifiableMap(new LinkedHashMap<>(dtypes));
        problems = List.copyOf(problems);
    }

    /** Returns the data type with the most bytes of weights, with the name that safetensors uses. */
    public Optional<String> dtype() {
        return dtypes.keySet().stream().findFirst();
    }

    /**
     * Returns the inspection that has the weights and dimensions of the complete model. This is the inspection itself
     * or, for an adapter or experts without a model, that of the base model. It is empty if the base model is a hub id
     * or can't be read.
     */
    public Optional<ModelInspection> whole() {
        boolean part =
                format.isAdapter() || format == ModelFormat.DYLORA_SEPARATED || format == ModelFormat.DYLORA_CHECKPOINT;
        return part ? Optional.ofNullable(base).map(BaseModel::inspection) : Optional.of(this);
    }
}
