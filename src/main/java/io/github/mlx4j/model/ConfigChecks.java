package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.model.SafetensorsHeader.Tensor;
import io.github.mlx4j.port.ProviderKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Looks at a model's config.json: readable, no code of its own, known to the libraries, true to the weights. */
final class ConfigChecks {

    private static final String OTHER = "Use a model whose architecture %s has, or a newer version of mlx4j.";
    private static final Pattern LAYER = Pattern.compile(
            "(?:language_model\\.)?(?:model\\.|transformer\\.|gpt_neox\\.|backbone\\.)?(?:language_model\\.)?(?:decoder\\.)?"
                    + "(?:layers|h)\\.(\\d{1,6})\\..*");
    private static final Pattern IMPLEMENTATION = Pattern.compile("_*(?:attn|experts)_implementation(?:_internal)?_*");
    private static final Pattern EMBEDDINGS =
            Pattern.compile("(?:.*\\.)?(?:embed_tokens|wte|embed_in|tok_embeddings)\\.weight");

    /** MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS in transformers: where there is a tokenizer.json, it takes no code. */
    private static final Set<String> GENERIC =
            Set.of(("arctic chatlm ernie4_5 ernie4_5_moe fuyu h2ovl_chat hyperclovax hyperclovax_vlm "
                            + "hyperclovax_vision_v2 internlm2 internlm3 iquestcoder jamba llava llava_next minicpm3 "
                            + "minicpmv minimax_m2 modernbert modernbert-decoder molmo molmo2 nemotron nvfp4 opencua "
                            + "openvla paddleocr_vl phi3 phi3_v phimoe qwen2 qwen3_5 qwen3_5_moe qwen3_5_moe_text "
                            + "qwen4_exp step3_vl vipllava cohere_asr camembertv2-base siglip2 smolvlm")
                    .split(" "));

    private ConfigChecks() {}

    /** That it can be read and asks for no code. */
    static List<Problem> of(ModelFolder folder) {
        if (!folder.names().contains("config.json")) {
            return List.of(Problem.broken(
                    "%s has no config.json, so it is not a model folder.".formatted(folder.path()),
                    "Download or copy the model again."));
        }
        JsonNode config;
        try {
            config = folder.readJson("config.json");
        } catch (ModelLoadException unreadable) {
            return List.of(Problem.broken(unreadable.reason(), unreadable.hint()));
        }
        if (!config.path("model_type").isTextual()) {
            return List.of(Problem.broken(
                    "config.json in %s names no model_type.".formatted(folder.path()),
                    "Download or copy the model again."));
        }
        List<Problem> problems = new ArrayList<>();
        if (Config.isSet(config, "model_file")) {
            problems.add(Problem.unsafe(
                    "%s wants to run its own code: config.json has model_file %s."
                            .formatted(
                                    folder.path(),
                                    Shown.text(config.path("model_file").asText())),
                    "Use a model whose architecture the engine has."));
        }
        kernel(config)
                .ifPresent(name -> problems.add(Problem.unsafe(
                        "config.json in %s wants to run code of the hub: %s.".formatted(folder.path(), name),
                        "Remove it from config.json.")));
        JsonNode weights = config.path("transformers_weights");
        String file = weights.asText();
        if (!weights.isMissingNode()
                && (file.contains("/") || !(file.endsWith(Weights.SUFFIX) || file.endsWith(Weights.INDEX)))) {
            problems.add(Problem.unsafe(
                    "config.json in %s names weights that are no *.safetensors in that folder: %s."
                            .formatted(folder.path(), Shown.text(file)),
                    "Use a whole copy of the model, with its *.safetensors beside its config.json."));
        }
        return problems;
    }

    /** The field, at any depth, that names a kernel of the hub, which transformers would download and run. */
    private static Optional<String> kernel(JsonNode config) {
        Deque<JsonNode> parts = new ArrayDeque<>(List.of(config));
        while (!parts.isEmpty()) {
            JsonNode part = parts.pop();
            for (Map.Entry<String, JsonNode> field : part.properties()) {
                JsonNode value = field.getValue();
                if (IMPLEMENTATION.matcher(field.getKey()).matches()) {
                    Optional<String> named = Stream.concat(Stream.of(value), value.valueStream())
                            .map(JsonNode::asText)
                            .filter(one -> one.contains("/"))
                            .findFirst();
                    if (named.isPresent()) {
                        return named.map(one -> Shown.text(field.getKey()) + " is " + Shown.text(one));
                    }
                }
            }
            part.valueStream().filter(JsonNode::isContainerNode).forEach(parts::push);
        }
        return Optional.empty();
    }

    /** That each library has the architecture; code in the folder would stand in for one that is missing. */
    static List<Problem> knownType(ModelFolder folder) {
        JsonNode config = folder.json("config.json");
        String type = config.path("model_type").asText();
        List<Problem> problems = new ArrayList<>(ofClassifier(folder, config));
        for (ProviderKind worker : classifier(config).isPresent()
                ? List.<ProviderKind>of() // the known types are those of language models
                : List.of(ProviderKind.MLX, ProviderKind.HF)) {
            KnownModelTypes known = KnownModelTypes.of(worker);
            if (known.names().contains(type)) {
                continue;
            }
            String fix = OTHER.formatted(known.library().split(" ")[0]);
            String what = "%s has no architecture %s".formatted(known.library(), Shown.text(type));
            problems.add((config.has("auto_map")
                            ? Problem.unsafe(
                                    what + ", and %s wants to run its own code (auto_map).".formatted(folder.path()),
                                    fix)
                            : Problem.broken(what + ".", fix))
                    .only(worker));
        }
        if (tokenizerRunsCode(folder, type)) {
            problems.add(Problem.unsafe(
                    "The tokenizer of %s wants to run its own code (auto_map in tokenizer_config.json)."
                            .formatted(folder.path()),
                    "Use a model whose tokenizer transformers has."));
        }
        return problems;
    }

    /** The class of a sequence classifier, which is a reranker if it has one label. */
    static Optional<String> classifier(JsonNode config) {
        return Optional.of(config.path("architectures").path(0).asText())
                .filter(name -> name.endsWith("ForSequenceClassification"));
    }

    private static List<Problem> ofClassifier(ModelFolder folder, JsonNode config) {
        Optional<String> classifier = classifier(config);
        if (classifier.isEmpty()) {
            return List.of();
        }
        String what = "%s is a sequence classifier (%s)".formatted(folder.path(), Shown.text(classifier.get()));
        List<Problem> problems = new ArrayList<>();
        problems.add(Problem.broken(
                        what + ", which mlx-lm can't run.",
                        "Use the hf worker, which reranks with it if it has one label.")
                .only(ProviderKind.MLX));
        int labels = config.path("id2label").isObject()
                ? config.path("id2label").size()
                : config.path("num_labels").asInt(2); // transformers' default
        if (labels != 1) {
            problems.add(Problem.broken(
                            "%s with %d labels. A reranker has one.".formatted(what, labels),
                            "Use a reranker with one label, or another model.")
                    .only(ProviderKind.HF));
        }
        return problems;
    }

    /**
     * Both libraries take tokenizers from transformers, which wants the folder's code for a class that it lacks. It is
     * told that it may not, and does without for some types of models.
     */
    private static boolean tokenizerRunsCode(ModelFolder folder, String type) {
        JsonNode tokenizer = folder.json("tokenizer_config.json");
        JsonNode code = tokenizer.path("auto_map").isObject()
                ? tokenizer.path("auto_map").path("AutoTokenizer")
                : tokenizer.path("auto_map");
        if (code.isMissingNode() || code.isNull() || (GENERIC.contains(type) && folder.has("tokenizer.json"))) {
            return false;
        }
        String name = tokenizer.path("tokenizer_class").asText("").replaceFirst("Fast$", "");
        List<JsonNode> classes = new ArrayList<>(List.of(code));
        code.forEach(classes::add);
        return name.isEmpty()
                || classes.stream()
                        .anyMatch(one -> one.asText().replaceFirst("Fast$", "").endsWith("." + name));
    }

    /** That the sizes it names are those of unquantized weights, as far as names of tensors tell. */
    static List<Problem> trueTo(ModelFolder folder, @Nullable Architecture sizes, List<Tensor> tensors) {
        List<Problem> problems = new ArrayList<>();
        if (sizes == null || tensors.isEmpty()) {
            return problems;
        }
        JsonNode config = Config.text(folder.json("config.json"));
        TreeSet<Integer> layers = new TreeSet<>();
        for (Tensor tensor : tensors) {
            Matcher layer = LAYER.matcher(tensor.name());
            if (layer.matches()) {
                layers.add(Integer.valueOf(layer.group(1)));
            }
        }
        int more = layers.tailSet(sizes.layers()).size();
        boolean extra = config.has("num_nextn_predict_layers"); // layers for guessing ahead come after the others
        if (!layers.isEmpty() && (layers.size() - more < sizes.layers() || (more > 0 && !extra))) {
            problems.add(
                    lie(folder, "it has %d layers".formatted(sizes.layers()), "the weights have " + layers.size()));
        }
        List<Tensor> embeddings = tensors.stream()
                .filter(tensor -> EMBEDDINGS.matcher(tensor.name()).matches())
                .toList();
        boolean projected = config.has("word_embed_proj_dim") || config.has("embedding_size");
        if (sizes.vocabularySize() != null && embeddings.size() == 1 && !projected) {
            List<Long> wanted = List.of((long) sizes.vocabularySize(), (long) sizes.hiddenSize());
            if (!embeddings.get(0).shape().equals(wanted)) {
                problems.add(lie(
                        folder,
                        "vocab_size × hidden_size is %d × %d".formatted(wanted.get(0), wanted.get(1)),
                        "%s is %s"
                                .formatted(
                                        Shown.text(embeddings.get(0).name()),
                                        embeddings.get(0).shape())));
            }
        }
        return problems;
    }

    private static Problem lie(ModelFolder folder, String said, String found) {
        return Problem.broken(
                "config.json in %s is not that of the weights: it says that %s, but %s."
                        .formatted(folder.path(), said, found),
                "The result would be a partly random model. Download or convert it again.");
    }
}
