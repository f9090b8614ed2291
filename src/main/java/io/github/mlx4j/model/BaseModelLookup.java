package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The base model that a folder names.
 *
 * @param model the base model, or {@code null} if the folder is a complete model or names no base model
 * @param problems the problems of the base model
 */
record BaseModelLookup(@Nullable BaseModel model, List<Problem> problems) {

    private static final int LONGEST_CHAIN = 8;
    private static final Pattern HUB_ID = Pattern.compile("[\\w][\\w.-]{0,95}/[\\w][\\w.-]{0,95}");
    private static final BaseModelLookup NONE = new BaseModelLookup(null, List.of());

    static BaseModelLookup of(ModelFolder folder, ModelFormat format, boolean allowPickles, List<Path> above) {
        String file = format.isAdapter() ? "adapter_config.json" : "config.json";
        String field = format == ModelFormat.MLX_ADAPTER ? "model" : "base_model_name_or_path";
        if (!format.isAdapter() && !format.isDylora()) {
            return NONE;
        }
        JsonNode config = folder.json(file);
        String name = ConfigJson.string(config, field);
        if (name == null && format == ModelFormat.DYLORA_CHECKPOINT) {
            file = "adapter_config.json of the experts";
            name = Experts.folders(folder).stream()
                    .map(expert -> folder.json(expert + "/adapter_config.json"))
                    .flatMap(expert -> Optional.ofNullable(ConfigJson.string(expert, field)).stream())
                    .findFirst()
                    .orElse(null);
        }
        boolean needed = format != ModelFormat.DYLORA_BASE_CONFIG && format != ModelFormat.MLX_ADAPTER;
        if (name == null) {
            return new BaseModelLookup(
                    null,
                    needed
                            ? List.of(Problem.broken(
                                    "%s names no base model (%s in %s).".formatted(folder.path(), field, file),
                                    "Name the model that it was trained on, in MLX4J_BASE_MODEL."))
                            : List.of());
        }
        BaseModelLookup found = resolve(folder, name, file + ": " + field, allowPickles, above);
        return needed || format == ModelFormat.MLX_ADAPTER ? found : new BaseModelLookup(found.model(), List.of());
    }

    private static BaseModelLookup resolve(
            ModelFolder folder, String name, String field, boolean allowPickles, List<Path> above) {
        String shown = DisplayText.text(name);
        BaseModel unread = new BaseModel(shown, field, null);
        Path path = pathOf(folder, name);
        if (path == null || !Files.isDirectory(path)) {
            return HUB_ID.matcher(name).matches()
                    ? new BaseModelLookup(unread, List.of())
                    : new BaseModelLookup(
                            unread,
                            List.of(Problem.broken(
                                    "%s names the base model %s (%s), and there is no such folder."
                                            .formatted(folder.path(), shown, field),
                                    "Put the base model there, or name it in MLX4J_BASE_MODEL.")));
        }
        List<Path> chain = new ArrayList<>(above);
        chain.add(ModelFolder.real(folder.path()));
        if (chain.contains(ModelFolder.real(path)) || chain.size() > LONGEST_CHAIN) {
            String how = chain.contains(ModelFolder.real(path)) ? "leads back to it" : "stands on too many others";
            return new BaseModelLookup(
                    unread,
                    List.of(Problem.broken(
                            "%s names the base model %s, which %s.".formatted(folder.path(), shown, how),
                            "Correct the path (%s).".formatted(field))));
        }
        try {
            ModelInspection base = new FolderInspection(ModelFolder.open(path), allowPickles, chain).result();
            List<Problem> problems = new ArrayList<>();
            for (Problem problem : base.problems()) {
                problems.add(new Problem(problem.code(), "Its base model: " + problem.what(), problem.fix()));
            }
            if (!base.format().isModel()) {
                problems.add(Problem.broken(
                        "%s names the base model %s, which is no model of its own but: %s."
                                .formatted(folder.path(), shown, base.format().label()),
                        "Correct the path (%s).".formatted(field)));
            }
            return new BaseModelLookup(new BaseModel(shown, field, base), problems);
        } catch (Mlx4jException error) {
            return new BaseModelLookup(
                    unread, List.of(Problem.broken("Its base model: " + error.reason(), error.hint())));
        }
    }

    /** Resolves a relative path against the folder, as the workers do. */
    private static @Nullable Path pathOf(ModelFolder folder, String name) {
        try {
            return folder.path().resolve(name);
        } catch (InvalidPathException none) {
            return null;
        }
    }
}
