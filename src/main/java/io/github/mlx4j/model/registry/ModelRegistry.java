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
 * Models by name: those that come with mlx4j, and the user's own in {@code models.json}. It is a list of facts that
 * nobody promises: whether the hub has a model, the hub says. Thread-safe.
 */
public final class ModelRegistry {

    /** The model of the mlx worker where none is named. */
    public static final String DEFAULT_MLX = "mlx-community/Phi-3-mini-4k-instruct-4bit";

    /** The user's own file, in {@code MLX4J_HOME}. */
    public static final String FILE = "models.json";

    private static final Logger log = LoggerFactory.getLogger(ModelRegistry.class);

    private final Map<String, RegisteredModel> models;
    private final Set<String> told = ConcurrentHashMap.newKeySet();

    private ModelRegistry(Map<String, RegisteredModel> models) {
        this.models = Collections.unmodifiableMap(models);
    }

    /** Those that come with mlx4j. */
    public static ModelRegistry builtIn() {
        return BuiltIn.MODELS;
    }

    /** Read once, when it is asked for. */
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
     * The same with the user's own, which replace those of the same id.
     *
     * @param home the folder of {@value #FILE}; neither has to be there
     * @throws ConfigurationException if the file is no registry, with line, field and reason
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

    /** Every model, those that come with mlx4j first. */
    public List<RegisteredModel> models() {
        return List.copyOf(models.values());
    }

    /** The model of an id, or of an alias; upper and lower case are the same. */
    public Optional<RegisteredModel> find(String name) {
        return models.values().stream()
                .filter(model -> model.id().equalsIgnoreCase(name))
                .findFirst()
                .or(() -> models.values().stream()
                        .filter(model -> model.aliases().stream().anyMatch(name::equalsIgnoreCase))
                        .findFirst());
    }

    /**
     * The id for a name: that of the model of which it is an alias, which is logged the first time; anything else, such
     * as a folder or a model that isn't listed, as it is.
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
     * What transformers can load in place of a model of the mlx worker: the same folder, unless it is quantized in
     * MLX's own format; for a model of the hub the one that it was made from, where that is known.
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
     * The models of a role, best first, and which of them fit into memory for generating text in one row.
     *
     * @param availableBytes the memory that there is for weights and KV cache
     * @param tokens of prompt and answer together, which the model's context must hold
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
            return false; // the worker will say what is wrong with it
        }
    }
}
