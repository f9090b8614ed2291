package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import io.github.mlx4j.internal.model.SafetensorsHeader.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A single inspection of a folder. */
final class FolderInspection {

    private final ModelFolder folder;
    private final boolean allowPickles;
    private final List<Path> above;
    private final ModelFormat format;
    private final JsonNode config;
    private final List<String> files;
    private final List<Tensor> tensors;
    private final Map<String, Object> metadata;
    private final List<Problem> problems = new ArrayList<>();

    /**
     * Creates an inspection; {@code above} are the folders that refer to this one as their base model, directly or
     * indirectly.
     */
    FolderInspection(ModelFolder folder, boolean allowPickles, List<Path> above) {
        this.folder = folder;
        this.allowPickles = allowPickles;
        this.above = above;
        this.format = ModelFormat.of(folder);
        this.config = folder.json("config.json");
        this.files = Weights.of(folder, format);
        this.tensors = files.stream()
                .map(folder::header)
                .flatMap(Optional::stream)
                .flatMap(header -> header.tensors().stream())
                .toList();
        this.metadata = metadata();
    }

    ModelInspection result() {
        Architecture sizes = Architecture.of(config);
        Quantization quantization = Quantization.of(config);
        BaseModelLookup base = BaseModelLookup.of(folder, format, allowPickles, above);
        check(base);
        WeightFacts facts = WeightFacts.of(tensors, quantization, config);
        KvCache.Finding cache = KvCache.of(config, sizes, facts.valueBytes());
        return new ModelInspection(
                folder.path(),
                format,
                Optional.ofNullable(ConfigJson.string(config, "model_type"))
                        .map(DisplayText::text)
                        .orElse(null),
                base.model(),
                metadata,
                facts.dtypes(),
                quantization,
                sizes,
                facts.parameters(),
                ConfigJson.contextLength(config),
                facts.bytes(),
                tensors.size(),
                cache.cache(),
                cache.note(),
                isTied(),
                hasTokenizer(),
                hasChatTemplate(),
                problems);
    }

    private void check(BaseModelLookup base) {
        if (format == ModelFormat.GGUF) {
            problems.add(Problem.broken(
                    "%s is llama.cpp's format (GGUF), which neither mlx-lm nor transformers loads here."
                            .formatted(folder.path()),
                    "Use the model with *.safetensors that it was made from, or give the file to Ollama."));
            return;
        }
        if (format == ModelFormat.UNKNOWN) {
            problems.add(Problem.broken(
                    "%s has no config.json, no adapter_config.json and no weights, so it is not a model folder."
                            .formatted(folder.path()),
                    "Check the path; a download may have put the files into a folder below."));
            return;
        }
        problems.addAll(EntryChecks.of(folder.path()));
        if (!problems.isEmpty()) {
            return; // files outside the folder must not be read
        }
        if (format.isAdapter()) {
            problems.addAll(ExpertChecks.ofAdapter(folder, format));
        } else {
            problems.addAll(ConfigChecks.of(folder));
            switch (format) {
                case DYLORA_SEPARATED -> problems.addAll(ExpertChecks.ofPickles(folder, allowPickles));
                case DYLORA_CHECKPOINT -> problems.addAll(ExpertChecks.ofFolders(folder, allowPickles));
                default -> checkModel();
            }
        }
        problems.addAll(base.problems());
        problems.sort(Comparator.comparing(problem -> !problem.code().equals(Problem.UNSAFE)));
    }

    private void checkModel() {
        problems.addAll(WeightChecks.of(folder, files));
        boolean wrapped = tensors.stream().anyMatch(tensor -> tensor.name().startsWith(Weights.WRAPPER));
        boolean router = tensors.stream().anyMatch(tensor -> tensor.name().startsWith("router."));
        if (format.isDylora() && wrapped && !router) {
            ExpertChecks.router(folder, allowPickles).ifPresent(problems::add);
        }
    }

    private Map<String, Object> metadata() {
        return switch (format) {
            case PEFT_ADAPTER -> AdapterConfig.ofPeft(folder.json("adapter_config.json"));
            case MLX_ADAPTER -> AdapterConfig.ofMlx(folder.json("adapter_config.json"));
            case DYLORA_WRAPPED, DYLORA_BASE_CONFIG, DYLORA_SEPARATED, DYLORA_CHECKPOINT ->
                AdapterConfig.ofDylora(folder);
            case HF, MLX, MLX_QUANTIZED, GGUF, UNKNOWN -> Map.of();
        };
    }

    private boolean isTied() {
        for (JsonNode part : List.of(config, ConfigJson.text(config))) {
            if (part.path("tie_word_embeddings").isBoolean()) {
                return part.path("tie_word_embeddings").booleanValue();
            }
        }
        return false;
    }

    private boolean hasTokenizer() {
        return folder.names().stream()
                .filter(name -> name.startsWith("tokenizer.")
                        || name.startsWith("vocab.")
                        || name.endsWith(".model")
                        || name.endsWith(".tiktoken"))
                .anyMatch(folder::has); // a link may be broken
    }

    private boolean hasChatTemplate() {
        return folder.has("chat_template.jinja")
                || folder.has("chat_template.json")
                || ConfigJson.isSet(folder.json("tokenizer_config.json"), "chat_template");
    }
}
