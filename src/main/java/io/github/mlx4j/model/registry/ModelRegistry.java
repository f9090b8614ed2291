package io.github.mlx4j.model.registry;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.provider.ModelRole;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A registry of known models: those built into mlx4j, and those in the user's {@code models.json}. The information is
 * not guaranteed; only the hub knows whether it has a model. Thread-safe.
 */
public final class ModelRegistry {

    /** The default model of the mlx worker. */
    public static final String DEFAULT_MLX = "mlx-community/Phi-3-mini-4k-instruct-4bit";

    /** The name of the user's file in {@code MLX4J_HOME}. */
    public static final String FILE = "models.json";

    private static final Logger log = LoggerFactory.getLogger(ModelRegistry.class);

    private final Map<String, RegisteredModel> models;
    private final Set<String> told = ConcurrentHashMap.newKeySet();

    private ModelRegistry(Map<String, RegisteredModel> models) {
        this.models = Collections.unmodifiableMap(models);
    }

    /** Returns the registry of the built-in models. */
    public static ModelRegistry builtIn() {
        return BuiltIn.MODELS;
    }

    /** Loads the built-in models on first use. */
    private static final class BuiltIn {
        private static final ModelRegistry MODELS = read();
    }

    private static ModelRegistry read() {
        try (InputStream json = Objects.requireNonNull(ModelRegistry.class.getResourceAsStream("models.json"))) {
            Map<String, RegisteredModel> models = new LinkedHashMap<>();
            RegistryFile.read(new String(json.readAllBytes(), StandardCharsets.UTF_8), "the built-in models.json")
                    .forEach(model -> models.put(model.id(), model));
            return new ModelRegistry(models);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /**
     * Returns a registry of the built-in models and the user's own, which replace built-in models with the same id.
     *
     * @param home the folder of {@value #FILE}; neither the folder nor the file needs to exist
     * @throws ConfigurationException if the file is invalid; the message has the line, the field and the reason
     */
    public static ModelRegistry open(Path home) {
        ModelRegistry builtIn = builtIn();
        Path file = home.resolve(FILE);
        if (!Files.exists(file)) {
            return builtIn;
        }
        Map<String, RegisteredModel> models = new LinkedHashMap<>(builtIn.models);
        try {
            RegistryFile.read(Files.readString(file), file.toString()).forEach(model -> models.put(model.id(), model));
        } catch (IOException error) {
            throw new ConfigurationException(
                    "%s can't be read: %s".formatted(file, error.getMessage()), "Check its permissions.", error);
        }
        return new ModelRegistry(models);
    }

    /** Returns all models, the built-in ones first. */
    public List<RegisteredModel> models() {
        return List.copyOf(models.values());
    }

    /** Finds a model by its id or an alias, ignoring case. */
    public Optional<RegisteredModel> find(String name) {
        return models.values().stream()
                .filter(model -> model.id().equalsIgnoreCase(name))
                .findFirst()
                .or(() -> models.values().stream()
                        .filter(model -> model.aliases().stream().anyMatch(name::equalsIgnoreCase))
                        .findFirst());
    }

    /**
     * Resolves an alias to the id of the model, and logs this the first time. Any other name, such as a folder or an
     * unknown model, is returned unchanged.
     */
    public String resolve(String name) {
        if (models.containsKey(name) || Files.isDirectory(UserPath.of(name))) {
            return name;
        }
        Optional<String> id = find(name).map(RegisteredModel::id);
        id.filter(other -> told.add(name)).ifPresent(other -> log.info("{} is taken as {}", name, other));
        return id.orElse(name);
    }

    /**
     * Returns what transformers can load instead of an mlx model. For a folder, this is the same folder, unless it is
     * quantized in the format of MLX. For a hub model, it is the original model, if known.
     */
    public Optional<String> hfCounterpart(String mlxModel) {
        Path folder = UserPath.of(mlxModel);
        if (Files.isDirectory(folder)) {
            return isQuantizedForMlx(folder) ? Optional.empty() : Optional.of(mlxModel);
        }
        Optional<RegisteredModel> known = find(mlxModel);
        if (known.isPresent()) {
            return known.map(RegisteredModel::hfCounterpart);
        }
        return mlxModel.startsWith("mlx-community/") ? Optional.empty() : Optional.of(mlxModel);
    }

    /**
     * Ranks the models for a role, best first, and determines which of them fit into memory for generating text in a
     * single row.
     *
     * @param availableBytes the memory available for weights and KV cache, in bytes
     * @param tokens the number of prompt and completion tokens, which must fit into the model's context
     */
    public ModelPick pick(ModelRole role, long availableBytes, int tokens) {
        List<ModelPick.Candidate> candidates = new ArrayList<>();
        models.values().stream()
                .filter(model -> model.roles().contains(role))
                .sorted(ModelPick.BEST_FIRST)
                .forEach(model -> candidates.add(ModelPick.Candidate.of(model, availableBytes, tokens)));
        return new ModelPick(role, availableBytes, tokens, candidates);
    }

    private static boolean isQuantizedForMlx(Path folder) {
        try {
            return ConfigJson.read(folder.resolve("config.json")).has("quantization");
        } catch (IOException unreadable) {
            return false; // the worker will report the error
        }
    }
}
